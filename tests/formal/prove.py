"""``make prove``: all proofs, a line for each."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from .proof import Outcome, prove
from .proofs import PROOFS

__all__ = ["main"]


def report(outcome: Outcome, number: int, count: int) -> str:
    """Return the line of a proof: name, mode, cycles, time, PASS or FAIL."""
    proof = outcome.proof
    cycles = f"{proof.depth} cycles" + (f" + {proof.induction}" if proof.induction else "")
    line = (f"[{number:2}/{count}] {proof.name:28} {proof.mode:9} {cycles:14}"
            f" {outcome.seconds:6.1f} s")  # fmt: skip
    if outcome.failure is None:
        return f"{line}  PASS"
    trace = f" (trace: {outcome.trace})" if outcome.trace is not None else ""
    return f"{line}  FAIL  {outcome.failure}{trace}"


def main() -> int:
    """Prove what is named, or all; 0 if every proof holds, 1 if one does not."""
    parser = argparse.ArgumentParser(prog="formal.prove", description="Prove the gateware's parts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names; none: all")
    parser.add_argument("--jobs", type=int, default=2, help="proofs at a time")
    parser.add_argument("--traces", type=Path, default=Path("build/traces"),
                        help="folder for the traces of failed proofs")  # fmt: skip
    options = parser.parse_args()
    names = options.names or [""]
    wanted = [proof for proof in PROOFS if any(name in proof.name for name in names)]
    if not wanted:
        print(f"no proof has {' or '.join(options.names)} in its name", file=sys.stderr)
        return 2
    failed = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        running = [pool.submit(prove, proof, options.traces) for proof in wanted]
        try:
            for number, future in enumerate(as_completed(running), start=1):
                outcome = future.result()
                failed += outcome.failure is not None
                print(report(outcome, number, len(wanted)), flush=True)
        except RuntimeError as error:
            pool.shutdown(cancel_futures=True)
            print(error, file=sys.stderr)
            return 1
    print(f"{len(wanted) - failed} of {len(wanted)} proofs hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

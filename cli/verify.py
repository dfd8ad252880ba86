"""``bosquet verify``: the RTL against the simulator and the integer reference."""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..sim.case import Case
from ..sim.code_digest import code_digest
from ..sim.journal import Journal
from ..sim.random_cases import random_batches
from ..sim.verify import Batch, GivenBatch, Verification
from ..sim.verify import verify as run_batches
from .integer_layer import DEFAULT_CODE, QuantizationOptions, integer_layers
from .network_argument import NetworkArgument, parse_shape
from .options import (
    ActBits,
    Calibrate,
    InputShape,
    Json,
    OutFile,
    Ratio,
    Seed,
    WeightBits,
    WeightCode,
    chosen_design,
)
from .output import check_places, document, emit_answer
from .progress import Progress

__all__ = ["verify"]


def verify(
    net: Annotated[
        str | None,
        typer.Argument(
            metavar="[NET[:LAYER]]",
            help="A layer, or a network with all its layers.",
            show_default=False,
        ),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option("--design", metavar="D", help="dense-RxV, sparse-LxV, eie-N or a .toml file."),
    ] = None,
    random: Annotated[
        int | None,
        typer.Option("--random", metavar="N", help="N random layers on random designs instead."),
    ] = None,
    ratio: Ratio = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    weight_code: WeightCode = None,
    calibrate: Calibrate = None,
    input_shape: InputShape = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", help="Processes; one per CPU without it.", min=1),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            metavar="FILE",
            help="With --random: keep what has run in this file, and go on from what it holds.",
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Run layers in the RTL and compare every output bit and every counter.

    Outputs must equal the integer reference, counters the simulator. Exit code 1 if any differs.
    """
    read = (NetworkArgument.parse(net).network if net else None, design, calibrate)
    check_places({"--journal": journal, "--out": out}, read)
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = {"seed": seed}
    if random is not None:
        _check_alone(
            {"a network": net, "--design": design, "--ratio": ratio, "--weight-bits": weight_bits,
             "--act-bits": act_bits, "--weight-code": weight_code, "--calibrate": calibrate,
             "--input-shape": input_shape}
        )  # fmt: skip
        if random < 1:
            raise InputError(f"--random must be at least 1 case, not {random}")
        batches: Sequence[Batch] = random_batches(random, seed)
    elif net is None or design is None:
        raise typer.BadParameter("give NET:LAYER with --design D, or --random N",
                                 param_hint="NET[:LAYER]")  # fmt: skip
    elif journal is not None:
        raise typer.BadParameter("goes with --random N alone", param_hint="--journal")
    else:
        chosen = chosen_design(design, weight_bits, act_bits, weight_code)
        argument = NetworkArgument.parse(net)
        options = QuantizationOptions(weight_bits, act_bits, calibrate, weight_code or DEFAULT_CODE)
        layers = integer_layers(argument, options, ratio, seed, parse_shape(input_shape))
        batches = [GivenBatch(Case(seed, one.layer, chosen, None, one.features)) for one in layers]
        notes = tuple(dict.fromkeys(note for one in layers for note in one.notes))
        facts |= {"network": layers[0].network, "quantization": layers[0].quantization()}
    with Progress("verify") as progress, _opened(journal, seed) as kept:
        processes = max(1, min(jobs or os.cpu_count() or 1, len(batches)))
        found = run_batches(batches, progress, processes, kept)
    answer = document("verify", {**found.document(), **facts, "notes": list(notes)})
    emit_answer(answer, _text(found, notes), as_json, out)
    if not found.passed:
        raise typer.Exit(1)


def _opened(path: Path | None, seed: int) -> AbstractContextManager[Journal | None]:
    """Open the journal of a run, if there is to be one."""
    if path is None:
        return nullcontext()
    versions = {name: version(name) for name in ("amaranth", "numpy")}
    code = code_digest(("engine", "hw", "models", "sim"))
    identity = {"seed": seed, "versions": versions, "code": code}
    return Journal.opened(path, "verify", "--journal", identity)


def _check_alone(others: Mapping[str, object]) -> None:
    """Refuse what is asked of random cases, which draw it all themselves."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise typer.BadParameter(
            f"draws layers and designs itself; leave out {', '.join(given)}", param_hint="--random"
        )


def _text(found: Verification, notes: tuple[str, ...]) -> str:
    differ = found.cases - len(found.failures)
    lines = [
        f"{differ} of {found.cases} equal: {found.cycle_mismatches} with other cycles,"
        f" {found.counter_mismatches} with other counters, {found.bit_mismatches} with other bits"
        f" (RTL in {found.simulator})"
    ]
    for failure in found.failures:
        counters = ", ".join(
            f"{name} {rtl} (simulated {simulated})"
            for name, (rtl, simulated) in failure.counters.items()
        )
        lines.append(
            f"{failure.layer} on {failure.design}, seed {failure.seed}: first at cycle"
            f" {failure.first_cycle}; {failure.wrong_bits} wrong bits, {failure.missing_beats}"
            f" missing beats; counters {counters or 'equal'}"
        )
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])

"""The exact cycle simulator: counts what the RTL counts, from the timing contract alone.

The contract is the table in ARCHITECTURE.md. Nothing here is taken from the gateware, and there
is no loop over cycles: ``exact_dense`` is a formula, ``exact_sparse`` a recurrence over windows
and entries that skips the passes that repeat.
"""

from ..hw.program import Program
from .counters import Counters
from .exact_dense import simulate_dense
from .exact_sparse import simulate_sparse

__all__ = ["simulate"]


def simulate(program: Program) -> Counters:
    """Return the counters of a program in the ``ideal`` environment.

    Parameters
    ----------
    program : Program
        A layer laid out for a design; its buffers are loaded before ``start``.

    Returns
    -------
    Counters
        Cycles, compute and stalls of the whole layer, equal to those of the RTL.
    """
    if program.design.family == "dense":
        return simulate_dense(program)
    return simulate_sparse(program)

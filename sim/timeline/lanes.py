"""Names of what a lane can do in a cycle: the causes of the counters, one for each lane-cycle."""

from ..counters import STALLS

__all__ = ["CAUSES", "Cause"]

CAUSES = ("compute", *STALLS)
"""Every cause a lane-cycle can have; a kind of interval is a place in here."""


class Cause:
    """Places of the causes in ``CAUSES``."""

    COMPUTE = CAUSES.index("compute")
    IMBALANCE = CAUSES.index("imbalance")
    WINDOW = CAUSES.index("window")
    FEED = CAUSES.index("feed")
    FILLER = CAUSES.index("filler")
    WEIGHT_BUFFER = CAUSES.index("weight_buffer")
    DRAM = CAUSES.index("dram")
    DRAIN = CAUSES.index("drain")
    FILL = CAUSES.index("fill")

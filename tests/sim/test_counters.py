"""Every lane-cycle has exactly one cause: counters that do not add up are refused."""

import pytest

from bosquet.sim.counters import STALLS, Counters


def stalls(**given: int) -> dict[str, int]:
    return dict.fromkeys(STALLS, 0) | given


def test_shares_of_the_lane_cycles() -> None:
    counters = Counters(2, 10, 5, stalls(drain=12, fill=3), output_beats=1)
    assert counters.lane_cycles == 20
    assert counters.utilization == 0.25
    assert counters.stall_share("drain") == 0.6


@pytest.mark.parametrize(
    ("compute", "found"),
    [
        (5, stalls(drain=14)),  # 19 of 20
        (22, stalls(drain=-2)),
        (20, {}),
        (19, stalls() | {"coffee": 1}),
    ],
    ids=["sum", "negative", "missing", "unknown"],
)
def test_what_does_not_add_up_is_a_bug(compute: int, found: dict[str, int]) -> None:
    with pytest.raises(RuntimeError, match="bug in bosquet"):
        Counters(2, 10, compute, found, output_beats=1)

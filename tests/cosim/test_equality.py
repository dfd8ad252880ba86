"""RTL == simulator == reference: every counter and every output bit of random cases.

A part of those of ``bosquet verify`` that takes a second or two each.
"""

import pytest

from bosquet.sim.cosim import compare_schedule
from bosquet.sim.random_cases import random_case

SEED = 20
CHEAP = (0, 5, 7, 9, 12, 13, 15, 18, 20, 21, 23, 30, 48)


@pytest.mark.parametrize("index", CHEAP)
def test_random_case(index: int) -> None:
    case = random_case(SEED, index)
    found = compare_schedule(case.schedule, case.features, case.dram)
    assert found.equal, found

"""What is printed in the paper fits together."""

import pytest

from bosquet.models.zoo import BUNDLED
from bosquet.sim.paper.published import CONVOLUTIONS, DENSE_MACS_M, ROWS, PublishedRow, overall


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_overall_is_the_mac_weighted_harmonic_mean(row: PublishedRow) -> None:
    """Printed with one or two digits, of speedups printed with two."""
    assert overall(row.speedups) == pytest.approx(row.overall, abs=0.032)


def test_macs_are_those_of_the_bundled_network_twice() -> None:
    shapes = {shape.name: shape for shape in BUNDLED["alexnet"].layers}
    for name, printed in zip(CONVOLUTIONS, DENSE_MACS_M, strict=True):
        assert 2 * shapes[name].macs / 1e6 == pytest.approx(printed, abs=0.6)


def test_ratios_by_hand() -> None:
    """CONV4: 224 M operations, of which Han leaves 83 M; 224 / 83 = 2.699."""
    by_name = {row.name: row for row in ROWS}
    assert by_name["Han"].ratios[3] == pytest.approx(2.6988, abs=1e-4)
    assert by_name["Ours1"].ratios[0] == by_name["Ours2"].ratios[0] == 1
    assert by_name["Ours1"].ratios[3] == 14


def test_overall_of_layers_that_all_gain_the_same() -> None:
    assert overall([3.0] * 5) == pytest.approx(3.0)

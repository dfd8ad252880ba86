"""Break-even among placed designs: clocks count; memories must hold the layer or weights stream."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ideal_silicon import IdealCost
from placed_points import DENSE, MEMORIES, SPARSE, placed_point

from bosquet.errors import FitError, InputError
from bosquet.hw.synth.placed_point import PlacedPoint
from bosquet.models.formats import Bitmap, Dense
from bosquet.models.layer import LayerShape
from bosquet.sim.bench import Bench
from bosquet.sim.fast_cycles import FastCycles
from bosquet.sim.fpga import FpgaBreakEven, fpga_breakeven
from bosquet.sim.pruned_layer import PrunedLayer

SHAPE = LayerShape("conv", "conv", 16, 16, (3, 3), padding=(1, 1, 1, 1), height=8, width=8)
LAYER = PrunedLayer.of_shape(SHAPE, 4, 0)
DENSE_100 = placed_point(DENSE, 100)


def ask(designs: Sequence[PlacedPoint], layer: PrunedLayer = LAYER) -> FpgaBreakEven:
    return fpga_breakeven(layer, designs, 0, Bench(IdealCost(), predict=FastCycles()))


@pytest.fixture(scope="module")
def found() -> FpgaBreakEven:
    return ask([DENSE_100, placed_point(SPARSE, 80)])


def test_the_curve_is_that_of_cycles_and_clocks(found: FpgaBreakEven) -> None:
    bench = Bench(IdealCost())
    dense_cycles = bench.cycles(LAYER.own, DENSE, Dense())
    assert found.dense.cycles == dense_cycles
    assert found.supply.bits_per_s == 0
    assert found.label is None
    at_half = next(point for point in found.points if point.ratio == 2)
    sparse_cycles = sorted(bench.cycles(mask, SPARSE, Bitmap()) for mask in LAYER.pruned_to(0.5, 0))
    assert at_half.median is not None
    assert at_half.median.form == Bitmap()
    expected = (dense_cycles / 100e6) / (sparse_cycles[2] / 80e6)
    assert at_half.speedup == pytest.approx(expected, rel=1e-12)
    # From the break-even on nothing is slower, and just below it something is.
    ratio = found.answer.ratio
    assert ratio is not None
    assert all(point.speedup >= 1 for point in found.points if point.ratio >= ratio)
    assert max(point.speedup for point in found.points if point.ratio < ratio) < 1


def test_at_one_clock_cycles_alone_count(found: FpgaBreakEven) -> None:
    same = ask([DENSE_100, placed_point(SPARSE, 100)])
    assert found.at_one_clock == same.at_one_clock == same.answer
    at_half = next(point for point in found.points if point.ratio == 2)
    assert at_half.median is not None
    assert at_half.speedup_cycles == found.dense.cycles / at_half.median.cycles


def test_a_faster_clock_pays_earlier(found: FpgaBreakEven) -> None:
    faster = ask([DENSE_100, placed_point(SPARSE, 100)])
    assert faster.answer.ratio is not None
    assert found.answer.ratio is not None
    assert faster.answer.ratio < found.answer.ratio


def test_the_fastest_of_each_side_counts(found: FpgaBreakEven) -> None:
    slow = [placed_point(replace(DENSE, lanes=2), 100), placed_point(SPARSE, 40, seed=2)]
    among = ask([*slow, DENSE_100, placed_point(SPARSE, 80)])
    assert among.answer == found.answer
    assert among.dense.point is DENSE_100
    assert {point.median and point.median.point.freq_hz for point in among.points} == {80e6}


def test_weights_that_do_not_fit_stream_as_fast_as_dense_needs(found: FpgaBreakEven) -> None:
    rings = replace(MEMORIES, weight_words=300, index_words=60)
    small = ask([placed_point(DENSE, 100, rings), placed_point(SPARSE, 80, rings)])
    assert small.supply.bits_per_s > 0
    assert small.label is not None
    assert small.dense.latency_s == found.dense.latency_s
    on_chip = {point.ratio: point.speedup for point in found.points}
    assert {point.ratio for point in small.points} == on_chip.keys()
    for point in small.points:
        # Seconds are added up piece by piece.
        assert point.speedup <= on_chip[point.ratio] * (1 + 1e-12)


def test_where_sparse_weights_have_no_room_sparse_is_slower(found: FpgaBreakEven) -> None:
    """Dense holds all of its weights, so that nothing streams; sparse has room when pruned."""
    half = replace(MEMORIES, weight_words=300)
    among = ask([DENSE_100, placed_point(SPARSE, 80, half)])
    assert among.supply.bits_per_s == 0
    first, last = among.points[0], among.points[-1]
    assert first.speedup == 0
    assert first.to_json()["speedup"] is None
    assert "sparse-4x8 (window 4 x 3, feed 2) was placed with weight_words = 300, and" in str(
        first.to_json()["reason"]
    )
    assert last.speedup == found.points[-1].speedup
    assert among.answer.ratio is not None
    assert found.answer.ratio is not None
    assert among.answer.ratio > found.answer.ratio


def test_streamed_weights_need_a_ring() -> None:
    none = replace(MEMORIES, weight_words=300, index_words=0)
    among = ask([placed_point(DENSE, 100, none), placed_point(SPARSE, 80, none)])
    formats = {point.median.form.name for point in among.points if point.median}
    assert formats <= {"dense"}


def test_fc_weights_are_read_no_faster_than_by_dense() -> None:
    shape = LayerShape("fc", "fc", 64, 64)
    wide = [placed_point(replace(design, vector=1), 100) for design in (DENSE, SPARSE)]
    among = ask(wide, PrunedLayer.of_shape(shape, 4, 0))
    reads = DENSE.lanes * DENSE.weight_bits * 100e6
    assert among.supply.once_bits_per_s == reads
    for point in among.points:
        kept = 64 * 64 / point.ratio
        assert point.median is not None
        assert point.median.latency_s >= kept * SPARSE.weight_bits / reads * (1 - 1e-3)


def test_a_second_placement_counts_where_it_is_faster(found: FpgaBreakEven) -> None:
    again = ask([DENSE_100, placed_point(SPARSE, 70, seed=2), placed_point(SPARSE, 80)])
    assert again.answer == found.answer
    assert len(again.designs) == 3


def test_features_must_fit() -> None:
    short = replace(MEMORIES, feature_words=10)
    with pytest.raises(FitError, match="dense-4x8 was placed with feature_words = 10, and"):
        ask([placed_point(DENSE, 100, short), placed_point(SPARSE, 80)])


@pytest.mark.parametrize(
    ("designs", "said"),
    [
        ([DENSE_100], "1 dense and 0 sparse ones on ecp5-45k-8"),
        ([], "0 dense and 0 sparse ones on none"),
        (
            [DENSE_100, placed_point(SPARSE, 80, device="ecp5-25k-8")],
            "1 dense and 1 sparse ones on ecp5-25k-8, ecp5-45k-8",
        ),
        (
            [DENSE_100, placed_point(replace(SPARSE, weight_bits=4), 80)],
            "design.weight_bits is 4 and 8 among them",
        ),
    ],
)
def test_what_cannot_be_compared(designs: list[PlacedPoint], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ask(designs)

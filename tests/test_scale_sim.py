"""The benchmark beside SCALE-Sim: its formulas, by hand and against both simulators' counts."""

from dataclasses import replace
from typing import Any

import pytest
from benchmark_scripts import benchmark
from hypothesis import given
from hypothesis import strategies as st
from scale_sim_cycles import (
    Geometry,
    buffer_kb,
    explanation,
    our_cycles,
    peer_input,
    prefetch_explanation,
)

from bosquet.errors import InputError, ToolError
from bosquet.hw.design import Design
from bosquet.hw.program import Program
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.models.zoo.alexnet import LAYERS
from bosquet.sim.exact import simulate
from bosquet.sim.workload import Workload

SMALL = LayerShape("small", "conv", 3, 4, (3, 3), padding=(1, 1, 1, 1), height=4, width=4)
(CONV5,) = (shape for shape in LAYERS if shape.name == "conv5")


def simulated(shape: LayerShape, design: Design) -> int:
    mask = uneven_mask(shape.weight_shape, 1.0, 0)
    return simulate(Program.plan(Workload(shape, mask), design)).cycles


def matrix_product(size: int) -> LayerShape:
    """Return a product of two square matrices, as a convolution."""
    return LayerShape(f"gemm{size}", "conv", size, size, height=size, width=1)


def test_our_cycles_by_hand() -> None:
    design = Design.dense(2, 3)
    # 2 tiles of 2 filters; 3 rows of 6 and one of 4 are 22 flat positions, 8 vectors of 3: 16
    # passes of 27 steps. 6 cycles from the last step to the sums, 2 lanes, 8 cycles to the beat.
    assert [term.cycles for term in our_cycles(Geometry(SMALL, 2, 3), design)] == [
        16 * 27, 0, 6, 2 - 1, 8,
    ]  # fmt: skip
    assert simulated(SMALL, design) == 432 + 6 + 1 + 8


def test_the_difference_by_hand() -> None:
    terms = explanation(Geometry(SMALL, 2, 3), Design.dense(2, 3), stall_cycles=4)
    # 16 positions are 6 vectors without gaps: 12 folds of 27 + 2 + 1 cycles, counted from 0 on.
    assert 447 + sum(term.cycles for term in terms) == 12 * (27 + 2 + 1) - 1 + 4
    assert [term.cycles for term in terms[-5:]] == [-4 * 27, 12 * 2, 12 * 1, -1, 4]


@pytest.mark.parametrize(("size", "cycles"), [(64, 503), (128, 3039), (256, 20351)])
def test_what_scale_sim_reported(size: int, cycles: int) -> None:
    """Matrix products on 32 x 32, output-stationary: measured with SCALE-Sim 3.0.0, no stalls."""
    geometry, design = Geometry(matrix_product(size), 32, 32), Design.dense(32, 32)
    terms = explanation(geometry, design, 0)
    assert simulated(geometry.shape, design) + sum(term.cycles for term in terms) == cycles


def test_what_scale_sim_reported_of_conv5() -> None:
    """Measured with SCALE-Sim 3.0.0: 42,959 cycles a group, 66,175 with prefetch."""
    geometry, design = Geometry(CONV5, 32, 32), Design.dense(32, 32)
    terms = explanation(geometry, design, 0)
    assert sum(term.cycles for term in our_cycles(geometry, design)) == 96_815
    assert 96_815 + sum(term.cycles for term in terms) == 2 * 42_959
    around = prefetch_explanation(geometry)
    assert 2 * 42_959 + sum(term.cycles for term in around) == 2 * 66_175
    assert geometry.group_words == (15 * 15 * 192, 128 * 1728, 128 * 169)
    assert [term.cycles for term in around] == [2 * 22_541, 2 * (676 - 1)]


@given(
    lanes=st.integers(1, 40),
    vector=st.integers(1, 9),
    drain=st.integers(1, 4),
    acc_sets=st.integers(1, 2),
    channels=st.integers(1, 5),
    filters=st.integers(1, 21),
    kernel=st.integers(1, 3),
    groups=st.integers(1, 2),
    stride=st.integers(1, 2),
    padding=st.integers(0, 1),
    size=st.integers(1, 5),
)
def test_our_formulas_are_the_simulator(
    lanes: int, vector: int, drain: int, acc_sets: int, channels: int, filters: int, kernel: int,
    groups: int, stride: int, padding: int, size: int,
) -> None:  # fmt: skip
    design = replace(
        Design.dense(lanes, vector), drain=min(drain, lanes), drain_cycles=vector, acc_sets=acc_sets
    )
    shape = LayerShape(
        "any", "conv", groups * channels, groups * filters, (kernel, kernel), (stride, stride),
        (padding,) * 4, groups=groups, height=kernel + stride * (size - 1) + 2 * padding,
        width=kernel + stride * size,
    )  # fmt: skip
    terms = our_cycles(Geometry(shape, lanes, vector), design)
    assert sum(term.cycles for term in terms) == simulated(shape, design)


@pytest.mark.parametrize(("words", "size_kb"), [(1, 1), (499, 1), (500, 2), (43_200, 128)])
def test_half_of_a_buffer_holds_the_words(words: int, size_kb: int) -> None:
    # 1 kB are 100 sets of 10 words. The 50th set of the half in use must not fill up, since
    # the next ones would be fetched then.
    assert buffer_kb(words) == size_kb


def test_a_row_for_each_group() -> None:
    given = peer_input(Geometry(CONV5, 16, 32))
    assert given["array"] == [32, 16]  # positions along its height, filters along its width
    row = [15, 15, 3, 3, 192, 128, 1]
    assert given["rows"] == [["conv5_0", *row], ["conv5_1", *row]]


@pytest.mark.parametrize(
    "shape",
    [
        replace(SMALL, batch=2),
        replace(SMALL, dilation=(2, 2)),
        replace(SMALL, stride=(1, 3)),
        replace(SMALL, stride=(2, 2)),  # 6 - 3 is odd: SCALE-Sim computes another row
    ],
)
def test_what_scale_sim_has_not_is_refused(shape: LayerShape) -> None:
    with pytest.raises(InputError, match="layer small: SCALE-Sim"):
        Geometry(shape, 2, 3)


def test_repeats_below_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark("scale_sim").main(["--repeats", "0"]) == 1
    assert capsys.readouterr().err == "error: --repeats must be at least 1, not 0\n"


def test_both_of_our_simulations_count() -> None:
    found = benchmark("scale_sim").simulate_here(CONV5, "32x32")
    assert found["cycles"] == 96_815
    assert found["pruned_cycles"] < found["cycles"] / 4
    assert 0 < found["plan_cpu_s"] < found["simulation_cpu_s"] < found["process_cpu_s"]


@pytest.mark.slow
def test_nothing_is_left_unexplained() -> None:
    """SCALE-Sim itself, if its package can be installed."""
    script: Any = benchmark("scale_sim")
    try:
        script.install(script.FOLDER)
    except ToolError as error:
        pytest.skip(str(error))
    found = script.compare(CONV5, "32x32", 1)
    assert found["cycles"] == {"ours": 96_815, "scale_sim": 85_918}
    assert found["residue"] == found["prefetch_residue"] == 0
    assert "residue" in script.text(found)

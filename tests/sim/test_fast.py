"""The fast tier: equal to the exact one where it looks at everything, near it where it does not."""

from dataclasses import replace

import numpy as np
import pytest
from fast_pairs import Pair
from fast_tier import Compared, known_error
from hypothesis import given, settings
from hypothesis import strategies as st

from bosquet.errors import FitError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.eie_program import EieProgram
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.exact import simulate
from bosquet.sim.fast import KNOWN_ERROR, LEAST_EFFORT, Effort, FastLayer, Prepared, predict
from bosquet.sim.tiling import best_schedule, simulated
from bosquet.sim.workload import Workload

EVERYTHING = Effort((12, 10**6), 10**9, (2, 10**4), 10**9, (10**6, 10**6))
"""Every window of every layer is timed."""

CONV = LayerShape("conv", "conv", 5, 9, (3, 3), padding=(1, 1, 1, 1), height=5, width=7)
FC = LayerShape("fc", "fc", 70, 23, batch=2)
SPARSE = Design("sparse", 4, 4, window=4, run_ahead=2, feed=2)


def work(shape: LayerShape, density: float = 0.4, seed: int = 1) -> Workload:
    return Workload(shape, uneven_mask(shape.weight_shape, density, seed))


def fast(
    layer: Workload, design: Design, form: IndexFormat | None = None, effort: Effort = EVERYTHING
) -> FastLayer:
    prepared = replace(Prepared.of([layer]), effort=effort)
    return predict(prepared, design, [form]).layers[0]


def exact(layer: Workload, design: Design, form: IndexFormat | None = None) -> int:
    return simulated(best_schedule(layer, design, form)).cycles


# ---- everything is looked at -----------------------------------------------------------------

shapes = st.builds(
    lambda kind, inputs, outputs, size, batch: (
        LayerShape("fc", "fc", 9 * inputs, outputs, batch=batch)
        if kind == "fc"
        else LayerShape(kind, "conv", inputs, outputs, (3, 3), padding=(1, 1, 1, 1),
                        height=size, width=size + 1)
    ),
    st.sampled_from(["fc", "conv", "conv"]), st.integers(1, 9), st.integers(1, 20),
    st.integers(3, 7), st.integers(1, 5),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    shapes, st.sampled_from([0.1, 0.3, 0.7, 1.0]), st.integers(0, 99), st.integers(1, 9),
    st.integers(1, 9), st.sampled_from([(1, 1), (4, 2), (8, 8)]), st.integers(1, 4),
    st.integers(1, 2), st.integers(3, 5), st.integers(1, 3),
    st.sampled_from([Relative(4), Relative(8), Dense()]),
)  # fmt: skip
def test_equal_in_natural_order(
    shape: LayerShape, density: float, seed: int, lanes: int, vector: int, window: tuple[int, int],
    run_ahead: int, acc_sets: int, fifo_depth: int, drain: int, form: IndexFormat,
) -> None:  # fmt: skip
    """Without the words that a bitmap decoder skips, and with FIFOs that never hold entries up."""
    design = Design(
        "sparse", lanes, vector, window=window[0], feed=window[1], run_ahead=run_ahead,
        acc_sets=acc_sets, fifo_depth=fifo_depth, drain=min(drain, lanes), feed_order="natural",
        index_bits=(4, 8),
    )  # fmt: skip
    layer = work(shape, density, seed)
    assert fast(layer, design, form).cycles == exact(layer, design, form)


@pytest.mark.parametrize("form", [Relative(4), Bitmap(), Dense()], ids=lambda form: form.name)
@pytest.mark.parametrize("seed", range(4))
def test_equal_with_ports(seed: int, form: IndexFormat) -> None:
    layer, design = work(CONV, 0.4, seed), Design.port(3, 5)
    assert fast(layer, design, form).cycles == exact(layer, design, form)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [CONV, FC], ids=lambda shape: shape.name)
def test_equal_in_balanced_order(shape: LayerShape, seed: int) -> None:
    layer = work(shape, 0.5, seed)
    for form in (Relative(8), Bitmap()):
        design = replace(SPARSE, index_bits=(8,), scan_bits=64, feed_order="balanced")
        assert fast(layer, design, form).cycles == exact(layer, design, form)


@pytest.mark.parametrize("number", range(40))
def test_the_dense_family_is_exact(number: int) -> None:
    rng = np.random.default_rng(number)
    lanes, vector = (int(value) for value in rng.integers(1, 20, 2))
    design = replace(
        Design.dense(lanes, vector),
        weights_per_row=vector if rng.random() < 0.5 else 1,
        acc_sets=int(rng.integers(1, 3)),
        drain=int(rng.integers(1, lanes + 1)),
    )
    layer = work((CONV, FC)[number % 2], 1.0)
    assert fast(layer, design, effort=LEAST_EFFORT).cycles == exact(layer, design)


def test_filters_alike_are_dealt_as_in_the_program() -> None:
    """Two filters of two weights each: which of them is drained first decides."""
    shape = LayerShape("two", "conv", 1, 2, (3, 3), height=9, width=9)
    design = replace(SPARSE, lanes=2, vector=8, window=1, feed=1, acc_sets=1, feed_order="natural")
    found = set()
    for late in (2, 8):
        mask = np.zeros((2, 9), np.bool_)
        mask[0, [0, late]] = mask[1, [1, 5]] = True
        for filters in (mask, mask[::-1]):
            layer = Workload(shape, filters.reshape(shape.weight_shape))
            assert fast(layer, design).cycles == exact(layer, design)
            found.add((late, fast(layer, design).cycles))
    assert len(found) == 2  # the order of the filters changes nothing


# ---- EIE -------------------------------------------------------------------------------------


@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("fifo_depth", [1, 4])
def test_one_scan_of_eie_is_exact(density: float, fifo_depth: int) -> None:
    """One row tile and one image; sums of several rows are taken as if they were there at once."""
    design = replace(Design.eie(8), fifo_depth=fifo_depth, feed=4, acc_rows=1)
    layer = work(LayerShape("fc", "fc", 90, 8), 0.3)
    active = np.random.default_rng(1).random((1, 90)) < density
    found = predict(Prepared.of([layer], [active]), design)
    program = EieProgram.plan(layer, design).with_active(active[:, :, None, None])
    assert found.cycles == simulate(program).cycles


def test_zeros_among_activations_save_cycles() -> None:
    layer, design = work(LayerShape("fc", "fc", 2000, 300), 0.1), Design.eie(16)
    active = np.random.default_rng(1).random((1, 2000)) < 0.35
    all_active = predict(Prepared.of([layer]), design).cycles
    some = predict(Prepared.of([layer], [active]), design).cycles
    counted = simulated(best_schedule(layer, design).with_active(active[:, :, None, None])).cycles
    assert some < all_active
    assert some == pytest.approx(counted, rel=0.05)


def test_eie_refuses_convolutions() -> None:
    with pytest.raises(FitError, match="layer conv: is a convolution; eie-4 runs"):
        predict(Prepared.of([work(CONV)]), Design.eie(4))


# ---- layers that are cut ---------------------------------------------------------------------


def test_a_layer_is_cut_as_in_the_exact_tier() -> None:
    layer = work(replace(CONV, out_channels=24, height=12, width=12))
    design = replace(SPARSE, buffers=Buffers(60, 60, 30, 64, 64), feed_order="natural")
    found, schedule = fast(layer, design, Relative(4)), best_schedule(layer, design, Relative(4))
    assert len(found.runs) == len(schedule.runs) > 1
    assert found.cycles == simulated(schedule).cycles
    assert found.cuts is not None
    assert len(list(found.cuts.parts(layer.shape))) == len(found.runs)


@pytest.mark.parametrize("family", ["sparse", "dense"])
def test_more_positions_than_are_counted_are_cut(family: str) -> None:
    layer = work(LayerShape("wide", "conv", 1, 2, (1, 1), height=300, width=300), 1.0)
    design = {"sparse": replace(SPARSE, lanes=2, vector=1), "dense": Design.dense(2, 1)}[family]
    found, schedule = fast(layer, design, Dense()), best_schedule(layer, design, Dense())
    assert len(found.runs) == len(schedule.runs) > 1
    assert found.cycles == simulated(schedule).cycles


def test_what_is_too_small_is_told() -> None:
    design = replace(SPARSE, buffers=Buffers(1, 1, 30, 64, 64))
    with pytest.raises(
        FitError, match=r"layer conv: not even one filter tile .* design.buffers.weight_words"
    ):
        predict(Prepared.of([work(CONV, 1.0)]), design)


# ---- prepared layers -------------------------------------------------------------------------


def test_prepared_layers_serve_every_design() -> None:
    layers = [work(CONV), work(FC), work(replace(CONV, name="other"), 0.2)]
    designs = [
        SPARSE,
        replace(SPARSE, feed_order="natural", lanes=7),
        replace(SPARSE, buffers=Buffers(40, 40, 60, 64, 200)),
        replace(SPARSE, simd_group=2),
        Design.port(4, 4),
        Design.dense(4, 4),
        replace(SPARSE, index_bits=(2,)),
    ]
    prepared = Prepared.of(layers)
    for design in (*designs, *reversed(designs)):
        again = predict(prepared, design)
        assert again == predict(Prepared.of(layers), design)
        assert [layer.name for layer in again.layers] == ["conv", "fc", "other"]


@pytest.mark.parametrize("design", [SPARSE, Design.port(4, 4), Design.dense(4, 4), Design.eie(4)])
def test_formats_are_those_of_the_exact_tier(design: Design) -> None:
    for density in (0.05, 0.5, 1.0):
        layer = work(FC, density)
        schedule = best_schedule(layer, design)
        assert fast(layer, design).format_name == schedule.runs[0].program.format.name


def test_formats_that_the_design_does_not_read_are_refused() -> None:
    with pytest.raises(FitError, match="layer conv: dense-4x4 reads the dense format only"):
        predict(Prepared.of([work(CONV)]), Design.dense(4, 4), [Bitmap()])


# ---- the error -------------------------------------------------------------------------------


def test_predictions_are_near() -> None:
    """Some pairs as in benchmarks/fast_tier.py, by as little effort as for a large network."""
    compared = [Compared.of(3, number) for number in range(24)]
    error = known_error(compared)
    assert error.median < 0.01
    assert error.worst < 0.1
    assert error.rank_correlation is not None
    assert error.rank_correlation > 0.99


@pytest.mark.slow
def test_the_error_of_500_pairs() -> None:
    compared = [Compared.of(4, number) for number in range(500)]
    error = known_error(compared)
    assert error.median < 0.01
    assert error.worst < 0.1
    assert error.rank_correlation is not None
    assert error.rank_correlation > 0.99
    sampled = known_error([one for one in compared if one.error])
    assert sampled.pairs > 150
    assert sampled.median < 0.01


def test_the_stated_error_is_that_of_many_pairs() -> None:
    assert set(KNOWN_ERROR) == {"windows", "ports", "eie", "dense"}
    assert sum(error.pairs for error in KNOWN_ERROR.values()) >= 2000
    assert KNOWN_ERROR["dense"].worst == 0


def test_a_pair_follows_from_seed_and_number() -> None:
    one, again, other = Pair.of(1, 2), Pair.of(1, 2), Pair.of(1, 3)
    assert (one.family, one.design, one.layer.shape) == (
        again.family,
        again.design,
        again.layer.shape,
    )
    assert np.array_equal(one.layer.mask, again.layer.mask)
    assert other.layer.shape != one.layer.shape or other.design != one.design

"""EIE array: RTL == simulator == interpreter of the contract == reference, and faults are seen."""

from dataclasses import replace

import numpy as np
import pytest
from eie_contract import interpret_eie

from bosquet.engine.integer import layer_outputs
from bosquet.errors import FitError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.dram import Dram
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.program import Program
from bosquet.hw.run_image import run_images
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Bitmap, Relative
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.models.masks import uneven_mask
from bosquet.sim.amaranth_rtl import run_rtl
from bosquet.sim.cosim import compare, compare_schedule
from bosquet.sim.exact import simulate, simulate_schedule
from bosquet.sim.random_eie import random_eie_case

EIE = replace(Design.eie(3), feed=4, acc_rows=4, fifo_depth=2, index_bits=(2,))


def layer_of(mask: np.ndarray, batch: int = 1, zero_point: int = 11, seed: int = 1) -> Layer:
    """Return an FC layer with a mask (out, in) and otherwise random numbers."""
    rng = np.random.default_rng(seed)
    out, inputs = len(mask), mask.shape[1]
    shape = LayerShape("fc", "fc", inputs, out, batch=batch)
    mask = mask.reshape(shape.weight_shape)
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    scale = Requantization(rng.integers(1, 1 << 16, (out,)), np.full((out,), 22), -3, -128, 127)
    return Layer(shape, weight, mask, rng.integers(-999, 999, (out,)), scale, zero_point)


def after_relu(layer: Layer, seed: int = 2) -> np.ndarray:
    shape = layer.shape
    features = np.random.default_rng(seed).integers(
        -128, 128, (shape.batch, shape.in_channels, 1, 1)
    )
    return np.maximum(features, layer.zero_point_in)


def check(layer: Layer, design: Design, features: np.ndarray) -> dict[str, int]:
    program = Program.plan(layer, design)
    found = compare(program, layer, features)
    assert found.equal, found
    timed = program.with_features(layer, features)
    assert isinstance(timed, EieProgram)
    assert simulate(timed) == interpret_eie(timed)
    return found.rtl


def random_case(seed: int) -> tuple[Layer, Design, np.ndarray]:
    """Draw uneven filters, some empty, and activations of which about half are zero, or none."""
    rng = np.random.default_rng(seed)
    lanes = 18 if seed % 6 == 5 else int(rng.integers(1, 7))
    design = replace(
        Design.eie(lanes),
        feed=int(rng.choice([1, 2, 4, 8])),
        fifo_depth=1 + seed % 8,
        index_bits=(int(rng.integers(2, 5)),),
        acc_rows=int(rng.choice([1, 2, 4, 8, 16])),
        drain=int(rng.integers(1, min(lanes, 4) + 1)),
        acc_bits=28,
    )
    out, inputs = int(rng.integers(1, 40)), int(rng.integers(2, 50))
    mask = uneven_mask((out, inputs, 1, 1), float(rng.uniform(0.1, 0.7)), seed)[:, :, 0, 0]
    mask[:, rng.integers(inputs)] = False
    mask[rng.integers(out)] = False
    layer = layer_of(mask, int(rng.integers(1, 4)), int(rng.integers(-128, 100)), seed)
    features = after_relu(layer, seed)
    if seed % 3 == 0:
        features = rng.integers(-128, 128, features.shape)
    return layer, design, features


@pytest.mark.parametrize("seed", range(12))
def test_random_layers(seed: int) -> None:
    layer, design, features = random_case(seed)
    check(layer, design, features)


@pytest.mark.parametrize("seed", range(100, 160))
def test_simulator_follows_the_contract(seed: int) -> None:
    layer, design, features = random_case(seed)
    program = Program.plan(layer, design).with_features(layer, features)
    assert isinstance(program, EieProgram)
    assert simulate(program) == interpret_eie(program)


@pytest.mark.parametrize("index", range(4))
def test_random_cases_of_verify(index: int) -> None:
    case = random_eie_case(7, index)
    assert compare_schedule(case.schedule, case.features).equal


def test_random_cases_have_every_stall_and_several_tiles() -> None:
    cases = [random_eie_case(3, index) for index in range(20)]
    counted = [simulate_schedule(case.schedule).stalls for case in cases]
    for cause in ("imbalance", "feed", "filler", "weight_buffer", "drain", "fill"):
        assert sum(stalls[cause] > 0 for stalls in counted) >= 3, cause
    assert all(stalls["window"] == stalls["dram"] == 0 for stalls in counted)
    assert sum(case.schedule.runs[0].program.tiles > case.design.acc_rows for case in cases) >= 3
    again = random_eie_case(3, 5)
    assert again.design == cases[5].design
    np.testing.assert_array_equal(again.features, cases[5].features)


def test_by_hand() -> None:
    """Two PEs, two activations a word, every cycle counted.

    Filter 0 keeps inputs 0, 1 and 3, filter 1 input 0 only; the activation of input 2 is zero.
    Slots: 2 (input 0), 3 (input 1), 4 (input 3). PE 0 has its columns in the FIFO in 5, 6, 7,
    reads them there, issues in 6, 7, 8. PE 1 reads in 5 and issues in 6. The scan opens in 5 and
    closes in 7. PE 0 is done in 9 and its sum ready in max(7, 8 + 3) + 1 = 12; PE 1 is done in 7,
    ready in max(7, 6 + 3) + 1 = 10. The output stage takes PE 0 in 12, PE 1 in 13; the last beat
    leaves in 13 + 8 = 21: 22 cycles.
    """
    mask = np.array([[1, 1, 0, 1], [1, 0, 0, 0]], np.bool_)
    layer = layer_of(mask, zero_point=5)
    features = np.array([7, -3, 5, 100]).reshape(1, 4, 1, 1)
    design = replace(Design.eie(2), feed=2)
    counted = check(layer, design, features)
    assert counted["cycles"] == 22
    assert counted["fill"] == 2 * 5
    assert counted["compute"] == 4
    assert counted["weight_buffer"] == 2  # PE 0 and PE 1 in cycle 5
    assert counted["imbalance"] == 2  # PE 1 in 7 and 8
    assert counted["drain"] == 2 * (22 - 9)
    assert counted["feed"] == counted["filler"] == 0


def test_back_pressure_by_hand() -> None:
    """A FIFO of one column, and columns of three entries in one PE.

    Slots: 2, and 3 and 4, since only in 5 the first column is in the FIFO. It is read in 5 to 7,
    the second in 8 to 10, the third in 11 to 13, so that the FIFO is empty again in 12: slots 12
    and 13, for columns that are there in 15 and 16. The fourth is read in 15 to 17 (the PE has
    nothing to read in 14), the fifth in 18 to 20. Entries are issued in 6 to 14 and 16 to 21. The
    first sum is ready in 21 + 3 + 1 = 25, the third in 27; its beat leaves in 27 + 8.
    """
    mask = np.ones((3, 5), np.bool_)
    layer = layer_of(mask)
    features = np.full((1, 5, 1, 1), 100)
    design = replace(Design.eie(1), feed=1, fifo_depth=1)
    counted = check(layer, design, features)
    assert counted["fill"] == 5
    assert counted["compute"] == 15
    assert counted["weight_buffer"] == 2  # in 5 and in 15
    assert counted["feed"] == 0
    assert counted["cycles"] == 36
    assert counted["drain"] == 36 - 22


def test_nothing_but_zeros() -> None:
    layer = layer_of(np.ones((5, 9), np.bool_), batch=2)
    features = np.full((2, 9, 1, 1), layer.zero_point_in)
    assert check(layer, EIE, features)["compute"] == 0


def test_no_weight_at_all() -> None:
    layer = layer_of(np.zeros((5, 9), np.bool_))
    assert check(layer, EIE, after_relu(layer))["compute"] == 0


def test_single_weight() -> None:
    layer = layer_of(np.ones((1, 1), np.bool_))
    check(layer, replace(Design.eie(1), feed=1, acc_rows=1), np.full((1, 1, 1, 1), -128))


def test_gaps_longer_than_the_index_can_say() -> None:
    """One PE; the heaviest filter, 0, and the lightest, 31, are the only ones with input 0."""
    mask = np.zeros((32, 6), np.bool_)
    mask[:31, [1, 2]] = True
    mask[0] = [True, False, True, True, False, False]
    mask[31, 0] = True
    design = replace(Design.eie(1), acc_rows=32, index_bits=(2,))
    layer = layer_of(mask)
    assert check(layer, design, np.full((1, 6, 1, 1), 50))["filler"] == 30 // 3 + 1 // 3


def test_extreme_sums() -> None:
    """The largest sums of each sign that the accumulators must hold, and not a bit more."""
    for weight, x, zero_point in ((-128, -128, 127), (-128, 127, -128), (127, 127, -128)):
        layer = layer_of(np.ones((2, 8), np.bool_), zero_point=zero_point)
        layer = replace(
            layer, weight=np.full_like(layer.weight, weight), bias=np.zeros(2, np.int64)
        )
        design = replace(EIE, acc_bits=(8 * 128 * 255).bit_length() + 1)
        check(layer, design, np.full((1, 8, 1, 1), x))
        with pytest.raises(FitError, match="acc_bits"):
            compare(Program.plan(layer, replace(design, acc_bits=18)), layer, after_relu(layer))


def test_zero_free_weights() -> None:
    layer = layer_of(np.random.default_rng(3).random((7, 9)) < 0.5)
    weight = np.where(layer.mask & (layer.weight == 0), 128, layer.weight)
    layer = replace(layer, weight=weight, weight_code="zero_free")
    design = replace(EIE, weight_codes=("zero_free", "twos_complement"))
    check(layer, design, after_relu(layer))


def test_two_stages_of_broadcast_and_of_the_output_multiplexer() -> None:
    layer = layer_of(np.random.default_rng(5).random((40, 12)) < 0.5)
    for depth in (1, 8):
        check(layer, replace(Design.eie(18), fifo_depth=depth), after_relu(layer))


def test_two_buffer_sets_and_words_to_spare() -> None:
    layer = layer_of(np.random.default_rng(6).random((9, 12)) < 0.5, batch=2)
    design = replace(EIE, buffer_sets=2, buffers=Buffers(77, 55, 33, 21, 1))
    check(layer, design, after_relu(layer))


@pytest.mark.parametrize("dram", [Dram(3, 7), Dram(64, 2)])
def test_in_dram(dram: Dram) -> None:
    layer = layer_of(np.random.default_rng(7).random((9, 12)) < 0.5, batch=2)
    found = compare(Program.plan(layer, EIE), layer, after_relu(layer), dram)
    assert found.equal, found


def test_what_does_not_exist_is_refused() -> None:
    conv = LayerShape("conv", "conv", 2, 2, (3, 3), height=4, width=4)
    mask = np.ones(conv.weight_shape, np.bool_)
    scale = Requantization(np.ones(2, np.int64), np.ones(2, np.int64), 0, -128, 127)
    layer = Layer(conv, mask.astype(np.int64), mask, np.zeros(2, np.int64), scale)
    with pytest.raises(FitError, match="is a convolution; eie-3 runs ungrouped FC layers only"):
        Program.plan(layer, EIE)
    dense = layer_of(np.ones((4, 4), np.bool_))
    for form in (Bitmap(), Relative(4)):
        with pytest.raises(FitError, match="reads the format relative2 only"):
            Program.plan(dense, EIE, form)
    with pytest.raises(FitError, match=r"design\.buffers\.weight_words"):
        Program.plan(dense, replace(EIE, buffers=Buffers(2, 55, 33, 21, 1)))


def test_layer_in_parts() -> None:
    """Too many weights, then too many activations: filters and images are cut, inputs are not."""
    layer = layer_of(np.random.default_rng(8).random((29, 12)) < 0.5, batch=3)
    features = after_relu(layer)
    whole = Program.plan(layer, EIE).buffers
    for short in (
        replace(whole, weight_words=whole.weight_words // 2),
        replace(whole, feature_words=whole.feature_words // 3),
    ):
        design = replace(EIE, buffers=short)
        schedule = Schedule.plan(layer, design)
        assert len(schedule.runs) > 1
        outputs = layer_outputs(layer, features)
        runs = run_images([(schedule, features, outputs)])
        got = [run_rtl(run.image, 3000) for run in runs]
        for run, one in zip(runs, got, strict=True):
            beats = [beat & care for beat, care in zip(one.beats, run.image.care, strict=True)]
            assert beats == [b & c for b, c in zip(run.image.beats, run.image.care, strict=True)]
    with pytest.raises(FitError, match="cannot go on from the sums of a part of the inputs"):
        Schedule.plan(layer, replace(EIE, buffers=replace(whole, index_words=9)))


def test_more_zeros_never_take_longer() -> None:
    layer, design, features = random_case(4)
    program = Program.plan(layer, design)
    zeroed = features.copy()
    zeroed[:, ::2] = layer.zero_point_in
    cycles = [simulate(program.with_features(layer, x)).cycles for x in (zeroed, features)]
    assert cycles[0] <= cycles[1]
    assert layer_outputs(layer, zeroed).shape == layer_outputs(layer, features).shape

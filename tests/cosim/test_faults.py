"""Single faults in the RTL and in the program: each must be seen by the comparison.

An RTL fault is one expression of the gateware replaced by another, as in mutation testing; if
that expression is no longer there, the test says so. The faulty run must differ from simulator or
reference: a bit, a counter, or a run that does not end. Without the fault everything is equal.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from rtl_fault import Fault

from bosquet.hw import feeder, lane, sparse_array
from bosquet.hw.decode import IndexDecoder
from bosquet.hw.dense_array import DenseArray
from bosquet.hw.dense_lane import DenseLane
from bosquet.hw.design import Design
from bosquet.hw.fetch import IndexFetch
from bosquet.hw.front import LaneFront
from bosquet.hw.mac import MacRow
from bosquet.hw.passes import PassCounter
from bosquet.hw.program import Program
from bosquet.hw.queue import ShiftQueue
from bosquet.hw.requantize import OutputStage
from bosquet.hw.scale import Scale
from bosquet.hw.walk import Walk
from bosquet.hw.window import ClusterWindow
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative, Stream
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.cosim import Comparison, compare

SHAPE = LayerShape(
    "small", "conv", in_channels=3, out_channels=5, kernel=(3, 3), padding=(1, 1, 0, 1),
    height=3, width=3,
)  # fmt: skip
SPARSE = Design(
    "sparse", lanes=4, vector=4, window=4, feed=2, run_ahead=2, fifo_depth=2, drain_cycles=4,
    index_bits=(2, 4),
)  # fmt: skip
DENSE = replace(Design.dense(4, 4), acc_sets=1)
CASES: dict[str, tuple[Design, IndexFormat]] = {
    "relative": (SPARSE, Relative(2)),  # of gaps up to 2, so that there are many fillers
    "bitmap": (SPARSE, Bitmap()),
    "late_operands": (replace(SPARSE, vector=18, window=2, run_ahead=1, drain_cycles=9), Bitmap()),
    "short_queue": (replace(SPARSE, window=2, run_ahead=4, fifo_depth=1), Relative(2)),
    "dense_format": (SPARSE, Dense()),
    "dense_array": (DENSE, Dense()),
    "row_words": (replace(DENSE, weights_per_row=4, drain_cycles=2), Dense()),
    "own_filters": (replace(DENSE, weights_per_row=4, drain_cycles=2), Dense()),
}
"""One layer of two filter tiles and three position vectors, and ways to run it; and an FC layer of
two tiles and two images on rows whose columns have filters of their own."""

FC_SHAPE = LayerShape("neurons", "fc", in_channels=6, out_channels=19, batch=2)


@cache
def small_layer() -> Layer:
    """Return a layer whose outputs often lie halfway between integers, and past both clamps."""
    rng = np.random.default_rng(2)
    density = np.linspace(0.1, 0.9, SHAPE.out_channels)[:, None, None, None]
    mask = rng.random(SHAPE.weight_shape) < density
    weight = np.where(mask, rng.integers(-8, 8, SHAPE.weight_shape), 0)
    # Divided by 16, sums of a few hundred become outputs of a few tens, one in 16 a tie.
    # The clamps are where an output lies just outside of each.
    scale = Requantization(np.full(5, 4), np.full(5, 6), zero_point=20, low=14, high=29)
    return Layer(SHAPE, weight, mask, rng.integers(-100, 100, 5), scale, zero_point_in=-7)


@cache
def fc_layer() -> Layer:
    """Return a layer whose filters all have scales of their own."""
    rng = np.random.default_rng(4)
    weight = rng.integers(-8, 8, FC_SHAPE.weight_shape)
    multiplier, shift = rng.integers(1, 1 << 12, 19), rng.integers(11, 16, 19)
    scale = Requantization(multiplier, shift, zero_point=20, low=-128, high=127)
    mask = np.ones_like(weight, np.bool_)
    return Layer(FC_SHAPE, weight, mask, rng.integers(-100, 100, 19), scale, zero_point_in=-7)


def layer_of(case: str) -> Layer:
    return fc_layer() if case == "own_filters" else small_layer()


@cache
def features(case: str = "relative") -> Any:
    shape = layer_of(case).shape
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    return np.random.default_rng(6).integers(-16, 16, size)


@cache
def clean_program(case: str) -> Program:
    return Program.plan(layer_of(case), *CASES[case])


@cache
def clean(case: str) -> Comparison:
    return compare(clean_program(case), layer_of(case), features(case))


@pytest.mark.parametrize("case", CASES)
def test_without_fault_all_is_equal(case: str) -> None:
    found = clean(case)
    assert found.equal, found


# ---- the RTL -------------------------------------------------------------------------------------


RTL_FAULTS = (
    Fault("decoder_position_plus_1", IndexDecoder.elaborate,
          "(position + ahead) | within", "(position + ahead + 1) | within"),
    Fault("filler_advances_1_too_many", IndexDecoder._sub_index,
          "code[0] & ~full", "code[0]"),
    Fault("bitmap_skips_no_bit_once_used", IndexDecoder._bitmap,
          "self.word.payload.bits & ~used", "self.word.payload.bits & ~(used >> 1)", "bitmap"),
    Fault("dense_format_stops_1_early", IndexDecoder.elaborate,
          "position, registers.length", "position + 1, registers.length", "dense_format"),
    Fault("lane_off_by_one_is_absent", sparse_array.SparseArray.elaborate,
          "lanes[0] >= self.registers", "lanes[0] > self.registers"),
    Fault("fifo_depth_minus_1", LaneFront._queue,
          "queue.filled[-1] | (nearly & arriving)", "queue.filled[-1] | nearly"),
    Fault("filler_has_a_weight", lane.SparseLane._multiply,
          "issue & ~head.filler", "issue"),
    Fault("window_read_before_fed", lane.SparseLane._reach,
          "window - self.fed", "window - self.fed - 1"),
    Fault("window_released_too_early", ClusterWindow.elaborate,
          "self.past.all()", "self.past.any()"),
    Fault("window_off_by_one", IndexDecoder._place,
          "step >> step_bits", "(step >> step_bits) + 1"),
    Fault("passes_share_their_windows", LaneFront._queue,
          "base + self.registers.windows", "base"),
    Fault("window_not_kept_when_the_queue_is_empty", ShiftQueue.elaborate,
          "self.push if i == 0 else 1", "1", "short_queue"),
    Fault("queue_moves_up_what_is_not_there", ShiftQueue.elaborate,
          "self.pop & comes", "self.pop"),
    Fault("windows_given_back_before_they_are_read", sparse_array.release_stages,
          "max(0, ", "min(0, ", "late_operands"),
    Fault("lane_never_leaves_early", lane.SparseLane._reach,
          "(front.issue | ~front.head_valid)", "~front.head_valid"),
    Fault("followed_by_nothing", ShiftQueue.elaborate,
          "self.followed.eq(self.push)", "self.followed.eq(1)"),
    Fault("credit_one_too_many", sparse_array.SparseArray._pace,
          "m.d.sync += credit.eq(design.run_ahead)",
          "m.d.sync += credit.eq(design.run_ahead + 1)"),
    Fault("accumulators_never_wait", LaneFront._issue,
          "free | ~gated", "1 | ~gated"),
    Fault("word_queue_turns_back_late", IndexFetch.elaborate,
          "self.position_tiles, self.start", "self.position_tiles + 1, self.start"),
    Fault("tap_offset_plus_1", feeder.Feeder._sum,
          "self.offset_data.rest", "self.offset_data.rest + 1"),
    Fault("rotator_off_by_one", feeder.Feeder._read,
          "address.rest, \"halves\"", "address.rest ^ 1, \"halves\""),
    Fault("group_of_passes_off_by_one", PassCounter.elaborate,
          "registers.position_tiles", "registers.position_tiles + 1"),
    Fault("product_register_unsigned", MacRow.elaborate,
          "Signal(signed(design.act_bits + design.operand_bits)",
          "Signal((design.act_bits + design.operand_bits)"),
    Fault("sums_not_cleared", MacRow.elaborate,
          "Mux(first, 0, accumulator)", "accumulator"),
    Fault("swapped_lanes", OutputStage._pick,
          "min(g * design.drain + u, design.lanes - 1)",
          "min(g * design.drain + u, design.lanes - 1) ^ 1"),
    Fault("missing_bias", Scale._column, "sums + bias", "sums"),
    Fault("rounds_down", Scale._column, "(cut + offset) >> 1", "(cut + offset - 1) >> 1"),
    Fault("halves_round_down", Scale._column, "ones + carries", "ones + carries - 1"),
    Fault("multiplier_digit_wrong", Scale.elaborate,
          "digits[i].one.eq(low ^ middle)", "digits[i].one.eq(low)"),
    Fault("shift_of_the_next_visit", Scale.elaborate,
          '("bias", "rows", "product")', '("bias", "rows")', "own_filters"),
    Fault("lower_clamp_off_by_one", Scale._column,
          "rounded < self.low", "rounded < self.low - 1"),
    Fault("upper_clamp_off_by_one", Scale._column,
          "rounded > self.high", "rounded > self.high + 1"),
    Fault("filler_counted_as_compute", LaneFront._issue,
          "Mux(entry.filler, LaneState.FILLER, LaneState.COMPUTE)", "LaneState.COMPUTE"),
    Fault("dense_weights_turn_back_late", DenseArray._read_weights,
          "passes.last_position", "passes.last_tile", "dense_array"),
    Fault("dense_never_waits", DenseArray.elaborate,
          "free | ~gated", "1 | ~gated", "dense_array"),
    Fault("columns_keep_their_activations", DenseArray._columns,
          "Mux(self.registers.own_filters, first, vector[column])", "vector[column]",
          "own_filters"),
    Fault("columns_share_a_weight", DenseLane._weight_of_each,
          "Mux(self.own_filters, word[column], wanted)", "wanted", "own_filters"),
    Fault("columns_never_share_a_weight", DenseLane._weight_of_each,
          "Mux(self.own_filters, word[column], wanted)", "word[column]", "row_words"),
    Fault("row_word_ends_early", DenseArray._read_weights,
          "here.place != design.weights_per_row - 1", "here.place != design.weights_per_row - 2",
          "row_words"),
    Fault("tile_starts_with_a_word", DenseArray._read_weights,
          "[here.eq(following), tile_start.eq(following)]",
          "[here.eq(following), tile_start.word.eq(following.word)]", "row_words"),
    Fault("weights_of_columns_one_by_one", DenseArray._read_weights,
          "~self.registers.own_filters & (here.place", "(here.place", "own_filters"),
    Fault("filters_of_a_visit_alike", OutputStage._visit,
          "end | (work & own)", "end", "own_filters"),
    Fault("visit_ends_early", OutputStage._visit,
          "design.vector - Mux(own, 1, design.beat_columns)",
          "design.vector - design.beat_columns", "own_filters"),
    Fault("column_of_the_first_chunk", OutputStage._wanted,
          "wanted[0] = Array(list(lane))[visit.column]", "pass", "own_filters"),
    Fault("images_stay_where_they_are", Walk._passes,
          "registers.pass_rest", "0", "own_filters"),
)  # fmt: skip


@pytest.mark.parametrize("fault", RTL_FAULTS, ids=str)
def test_rtl_fault_is_seen(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clean(fault.case).equal
    fault.plant(monkeypatch)
    case = fault.case
    assert not compare(clean_program(case), layer_of(case), features(case)).equal


# ---- the program ---------------------------------------------------------------------------------


def with_stream(program: Program, tile: int, position: int, stream: Stream) -> Program:
    """Return the program with one lane's stream of one tile replaced."""
    streams = [list(lanes) for lanes in program.streams]
    streams[tile][position] = stream
    return replace(program, streams=tuple(tuple(lanes) for lanes in streams))


def codes(stream: Stream, index_bits: int, word_bits: int) -> list[int]:
    """Return the codes of a relative stream, the padding of its last word too."""
    return [
        int(word) >> low & ((1 << index_bits) - 1)
        for word in stream.words
        for low in range(0, word_bits // index_bits * index_bits, index_bits)
    ]


def with_codes(stream: Stream, index_bits: int, word_bits: int, changed: list[int]) -> Stream:
    """Return the stream with other codes in its words; its entries stay."""
    per_word = word_bits // index_bits
    full = changed + [(1 << index_bits) - 1] * (-len(changed) % per_word)
    words = [
        sum(code << i * index_bits for i, code in enumerate(full[start : start + per_word]))
        for start in range(0, len(full), per_word)
    ]
    return replace(
        stream,
        words=np.array(words, np.uint64),
        end=np.arange(len(words)) == len(words) - 1,
    )


def swapped_filters(program: Program) -> Program:
    """Give two lanes of the first tile each other's filter, but not its stream."""
    assignment = program.assignment.copy()
    assignment[0, [0, 1]] = assignment[0, [1, 0]]
    return replace(program, assignment=assignment)


def swapped_streams(program: Program) -> Program:
    first, second = program.streams[0][2:4]
    return with_stream(with_stream(program, 0, 2, second), 0, 3, first)


def dropped_filler(program: Program) -> Program:
    stream = program.streams[0][0]
    kept = codes(stream, 2, 16)
    kept.remove(3)
    return with_stream(program, 0, 0, with_codes(stream, 2, 16, kept))


def wrong_gap(program: Program) -> Program:
    stream = program.streams[0][1]
    changed = codes(stream, 2, 16)
    changed[changed.index(0)] = 1
    return with_stream(program, 0, 1, with_codes(stream, 2, 16, changed))


def truncated_stream(program: Program) -> Program:
    """Leave the last index word of a filter out."""
    stream = program.streams[0][3]
    assert len(stream.words) > 1
    words = len(stream.words) - 1
    shorter = replace(stream, words=stream.words[:words], end=np.arange(words) == words - 1)
    return with_stream(program, 0, 3, shorter)


def missing_end(program: Program) -> Program:
    stream = program.streams[0][3]
    return with_stream(program, 0, 3, replace(stream, end=np.zeros_like(stream.end)))


def forgotten_weight(program: Program) -> Program:
    """Take a weight for a filler: neither its value is stored nor its cycle counted right."""
    stream = program.streams[0][2]
    fillers = stream.entry_is_filler.copy()
    fillers[np.flatnonzero(~fillers)[0]] = True
    return with_stream(program, 0, 2, replace(stream, entry_is_filler=fillers))


PROGRAM_FAULTS = (
    swapped_filters,
    swapped_streams,
    dropped_filler,
    wrong_gap,
    truncated_stream,
    missing_end,
    forgotten_weight,
)


@pytest.mark.parametrize("fault", PROGRAM_FAULTS, ids=lambda fault: fault.__name__)
def test_program_fault_is_seen(fault: Callable[[Program], Program]) -> None:
    assert clean("relative").equal
    assert not compare(fault(clean_program("relative")), small_layer(), features()).equal


@pytest.mark.parametrize("wrong", [0, 2])
def test_wrong_last_tile_lanes_is_seen(wrong: int, monkeypatch: pytest.MonkeyPatch) -> None:
    program = clean_program("relative")
    assert clean("relative").equal
    assert program.last_tile_lanes == 1
    monkeypatch.setattr(Program, "last_tile_lanes", wrong)
    assert not compare(program, small_layer(), features()).equal


@pytest.mark.parametrize(
    "field",
    ["taps", "blocks", "steps", "own_orders", "windows", "feed_shift", "length",
     "position_tiles", "tiles_per_group", "last_tile_lanes", "zero_point", "low", "high",
     "own_filters", "pass_rest"],
)  # fmt: skip
def test_wrong_layout_is_seen(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registers say one more than the layout that image and simulator were made from."""
    from bosquet.hw import image

    cases = {"length": "dense_format", "taps": "dense_array", "blocks": "dense_array",
             "own_filters": "own_filters", "pass_rest": "own_filters"}  # fmt: skip
    case = cases.get(field, "relative")
    assert clean(case).equal
    right = image.register_values
    monkeypatch.setattr(
        image,
        "register_values",
        lambda program, layer: (values := right(program, layer)) | {field: values[field] ^ 1},
    )
    assert not compare(clean_program(case), layer_of(case), features(case)).equal

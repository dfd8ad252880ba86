"""Single faults in the RTL and in the program: each must be seen by the comparison.

An RTL fault is one expression of the gateware replaced by another, as in mutation testing; if
that expression is no longer there, the test says so. The faulty run must differ from simulator or
reference: a bit, a counter, or a run that does not end. Without the fault everything is equal.
"""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from bosquet.hw import feeder, lane, sparse_array
from bosquet.hw.decode import IndexDecoder
from bosquet.hw.dense_array import DenseArray
from bosquet.hw.design import Design
from bosquet.hw.fetch import IndexFetch
from bosquet.hw.mac import MacRow
from bosquet.hw.passes import PassCounter
from bosquet.hw.program import Program
from bosquet.hw.queue import ShiftQueue
from bosquet.hw.requantize import OutputStage
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
    "dense_format": (SPARSE, Dense()),
    "dense_array": (DENSE, Dense()),
}
"""One layer of two filter tiles and three position vectors, and four ways to run it."""


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
def features() -> Any:
    return np.random.default_rng(6).integers(-16, 16, (1, 3, 3, 3))


@cache
def clean_program(case: str) -> Program:
    return Program.plan(small_layer(), *CASES[case])


@cache
def clean(case: str) -> Comparison:
    return compare(clean_program(case), small_layer(), features())


@pytest.mark.parametrize("case", CASES)
def test_without_fault_all_is_equal(case: str) -> None:
    found = clean(case)
    assert found.equal, found


# ---- the RTL -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """One expression of one method of the gateware, and what stands there instead."""

    name: str
    method: Callable[..., Any]
    old: str
    new: str
    case: str = "relative"

    def __str__(self) -> str:
        return f"{self.name}-{self.case}"

    def faulty_method(self) -> Callable[..., Any]:
        """Compile the method with the fault in it."""
        source = textwrap.dedent(inspect.getsource(self.method))
        assert source.count(self.old) == 1, (
            f"{self.method.__qualname__} no longer has {self.old!r} just once: write the fault"
            f" {self.name!r} anew"
        )
        namespace = dict(self.method.__globals__)
        exec(compile(source.replace(self.old, self.new), f"<{self.name}>", "exec"), namespace)
        faulty: Callable[..., Any] = namespace[self.method.__name__]
        return faulty


RTL_FAULTS = (
    Fault("decoder_position_plus_1", IndexDecoder.elaborate,
          "(position + ahead) | within", "(position + ahead + 1) | within"),
    Fault("filler_advances_1_too_many", IndexDecoder._sub_index,
          "code[0] & ~full", "code[0]"),
    Fault("bitmap_skips_no_bit_once_used", IndexDecoder._bitmap,
          "self.word.payload.bits & ~used", "self.word.payload.bits & ~(used >> 1)", "bitmap"),
    Fault("dense_format_stops_1_early", IndexDecoder.elaborate,
          "registers.length - 1", "registers.length - 2", "dense_format"),
    Fault("lane_off_by_one_is_absent", IndexDecoder.elaborate,
          "self._first_lane >= registers", "self._first_lane > registers"),
    Fault("fifo_depth_minus_1", lane.SparseLane._queue,
          "queue.filled[-1] | (nearly & arriving)", "queue.filled[-1] | nearly"),
    Fault("filler_has_a_weight", lane.SparseLane._multiply,
          "issue & ~head.filler", "issue"),
    Fault("window_read_before_fed", lane.SparseLane._issue,
          "entry.window - self.fed", "entry.window - self.fed - 1"),
    Fault("window_released_too_early", ClusterWindow.elaborate,
          "self.past.all()", "self.past.any()"),
    Fault("window_off_by_one", IndexDecoder._place,
          "step >> step_bits", "(step >> step_bits) + 1"),
    Fault("passes_share_their_windows", lane.SparseLane._queue,
          "base + self.registers.windows", "base"),
    Fault("window_not_kept_when_the_queue_is_empty", ShiftQueue.elaborate,
          "self.push if i == 0 else 1", "1"),
    Fault("queue_moves_up_what_is_not_there", ShiftQueue.elaborate,
          "self.pop & comes", "self.pop"),
    Fault("credit_one_too_many", sparse_array.SparseArray._pace,
          "m.d.sync += credit.eq(design.run_ahead)",
          "m.d.sync += credit.eq(design.run_ahead + 1)"),
    Fault("accumulators_never_wait", lane.SparseLane._issue,
          "free | ~gated", "1 | ~gated"),
    Fault("word_queue_turns_back_late", IndexFetch.elaborate,
          "position != self.position_tiles)", "position != self.position_tiles + 1)"),
    Fault("tap_offset_plus_1", feeder.Feeder._sum,
          "self.offset_data.rest", "self.offset_data.rest + 1"),
    Fault("rotator_off_by_one", feeder.Feeder._read,
          "rest.eq(address.rest)", "rest.eq(address.rest ^ 1)"),
    Fault("group_of_passes_off_by_one", PassCounter.elaborate,
          "position == self.registers.position_tiles",
          "position + 1 == self.registers.position_tiles"),
    Fault("product_register_unsigned", MacRow.elaborate,
          "Signal(signed(design.act_bits + design.operand_bits)",
          "Signal((design.act_bits + design.operand_bits)"),
    Fault("sums_not_cleared", MacRow.elaborate,
          "Mux(first, 0, accumulator)", "accumulator"),
    Fault("swapped_lanes", OutputStage._pick,
          "min(g * design.drain + u, design.lanes - 1)",
          "min(g * design.drain + u, design.lanes - 1) ^ 1"),
    Fault("missing_bias", OutputStage._scale,
          "sums[u][c] + words[u].bias", "sums[u][c]"),
    Fault("rounds_down", OutputStage._scale,
          "(shifted + 1) >> 1", "shifted >> 1"),
    Fault("halves_round_down", OutputStage._scale,
          "product >> halvings_now[u]", "(product - 1) >> halvings_now[u]"),
    Fault("lower_clamp_off_by_one", OutputStage._scale,
          "rounded < registers.low", "rounded < registers.low - 1"),
    Fault("upper_clamp_off_by_one", OutputStage._scale,
          "rounded > registers.high", "rounded > registers.high + 1"),
    Fault("filler_counted_as_compute", lane.SparseLane._issue,
          "Mux(entry.filler, LaneState.FILLER, LaneState.COMPUTE)", "LaneState.COMPUTE"),
    Fault("dense_weights_turn_back_late", DenseArray._read_weights,
          "passes.last_position", "passes.last_tile", "dense_array"),
    Fault("dense_never_waits", DenseArray.elaborate,
          "free | ~gated", "1 | ~gated", "dense_array"),
)  # fmt: skip


@pytest.mark.parametrize("fault", RTL_FAULTS, ids=str)
def test_rtl_fault_is_seen(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clean(fault.case).equal
    owner = inspect.getmodule(fault.method)
    cls = getattr(owner, fault.method.__qualname__.split(".")[0])
    monkeypatch.setattr(cls, fault.method.__name__, fault.faulty_method())
    assert not compare(clean_program(fault.case), small_layer(), features()).equal


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
     "position_tiles", "tiles_per_group", "last_tile_lanes", "zero_point", "low", "high"],
)  # fmt: skip
def test_wrong_layout_is_seen(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registers say one more than the layout that image and simulator were made from."""
    from bosquet.hw import image

    case = {"length": "dense_format", "taps": "dense_array", "blocks": "dense_array"}.get(
        field, "relative"
    )
    assert clean(case).equal
    right = image.register_values
    monkeypatch.setattr(
        image,
        "register_values",
        lambda program, layer: (values := right(program, layer)) | {field: values[field] ^ 1},
    )
    assert not compare(clean_program(case), small_layer(), features()).equal

"""Lanes with ports of their own: RTL == simulator == reference, and faults that must be seen."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from checked_layers import layer_of
from rtl_fault import Fault

from bosquet.hw.design import Design
from bosquet.hw.front import LaneFront
from bosquet.hw.port_array import PortArray
from bosquet.hw.port_lane import PortLane
from bosquet.hw.program import Program
from bosquet.hw.rows import LaneRows
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import Layer, LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.cosim import Comparison, compare

SHAPES = {
    shape.name: shape
    for shape in (
        LayerShape("conv", "conv", 3, 5, (3, 3), padding=(1, 1, 1, 1), height=5, width=4),
        LayerShape("pointwise", "conv", 6, 5, height=5, width=4),
        LayerShape("fc", "fc", 21, 9, batch=3),
        LayerShape("grouped", "conv", 6, 6, (3, 2), stride=(2, 2), padding=(1, 0, 1, 1), groups=2,
                   height=7, width=6),
        LayerShape("depthwise", "conv", 6, 6, (3, 3), padding=(1, 1, 1, 1), groups=6, height=5,
                   width=6, batch=2),
        LayerShape("strided", "conv", 2, 4, (3, 3), stride=(2, 3), dilation=(1, 2), height=9,
                   width=11),
    )
}  # fmt: skip
DESIGNS = {
    "plain": Design.port(4, 4),
    "one_set": replace(Design.port(3, 5), acc_sets=1, fifo_depth=1, drain=2),
    "wide": replace(Design.port(2, 18), fifo_depth=6, drain_cycles=2, scan_bits=32),
    "two_buffers": replace(Design.port(5, 3), fifo_depth=2, drain=5, buffer_sets=2),
}
FORMS = (Relative(4), Bitmap(), Dense())


def compared(layer: Layer, design: Design, form: IndexFormat | None = None) -> Comparison:
    shape = layer.shape
    rng = np.random.default_rng(2)
    features = rng.integers(-128, 128, (shape.batch, shape.in_channels, shape.height, shape.width))
    return compare(Program.plan(layer, design, form), layer, features)


@pytest.mark.parametrize(
    ("name", "design"),
    [
        pytest.param(name, design, id=f"{name}-{design}")
        for name in SHAPES
        for design in DESIGNS
        if design != "wide" or name in ("conv", "fc")  # ten seconds each
    ],
)
def test_uneven_masks(name: str, design: str) -> None:
    shape = SHAPES[name]
    form = FORMS[(list(SHAPES).index(name) + list(DESIGNS).index(design)) % len(FORMS)]
    mask = uneven_mask(shape.weight_shape, 0.4, seed=3)
    found = compared(layer_of(shape, mask), DESIGNS[design], form)
    assert found.equal, found


@pytest.mark.parametrize("design", [name for name in DESIGNS if name != "wide"])
def test_no_weight_at_all(design: str) -> None:
    shape = SHAPES["grouped"]
    found = compared(layer_of(shape, np.zeros(shape.weight_shape, np.bool_)), DESIGNS[design])
    assert found.equal, found


def test_more_than_one_cluster_of_lanes() -> None:
    shape = LayerShape("many", "conv", 4, 19, (1, 1), height=2, width=3)
    mask = uneven_mask(shape.weight_shape, 0.5, seed=4)
    found = compared(layer_of(shape, mask), Design.port(18, 2), Bitmap())
    assert found.equal, found


@pytest.mark.parametrize("name", ["conv", "fc"])
def test_rows_that_share_a_port(name: str) -> None:
    shape = SHAPES[name]
    mask = uneven_mask(shape.weight_shape, 0.4, seed=5)
    for group in (2, 4):
        design = replace(Design.port(4, 3), simd_group=group, fifo_depth=2)
        found = compared(layer_of(shape, mask), design, Relative(4))
        assert found.equal, found


# ---- faults --------------------------------------------------------------------------------------


@cache
def program(case: str) -> tuple[Program, Layer, np.ndarray]:
    """Return a grouped layer of three tiles, with an even number of position vectors."""
    shape = LayerShape("faulty", "conv", 6, 10, (3, 3), padding=(1, 1, 0, 1), groups=2, height=4,
                       width=3)  # fmt: skip
    mask = uneven_mask(shape.weight_shape, 0.4, seed=6)
    mask[::2, :, 0] = mask[::2, :, 1, 0] = False  # bitmaps whose first word is all zero
    rng = np.random.default_rng(7)
    layer = layer_of(shape, mask)
    design = replace(Design.port(4, 4), fifo_depth=2, acc_sets=1, index_bits=(2, 4))
    form = {"relative": Relative(2), "bitmap": Bitmap()}[case]
    return Program.plan(layer, design, form), layer, rng.integers(-128, 128, (1, 6, 4, 3))


@pytest.mark.parametrize("case", ["relative", "bitmap"])
def test_without_fault_all_is_equal(case: str) -> None:
    plan, layer, features = program(case)
    assert (plan.tiles, plan.layout.position_tiles, len(plan.layout.tap_offsets)) == (3, 4, 9)
    found = compare(plan, layer, features)
    assert found.equal, found


FAULTS = (
    Fault("fifo_depth_minus_1", LaneFront._queue,
          "queue.filled[-1] | (nearly & arriving)", "queue.filled[-1] | nearly"),
    Fault("weights_turn_back_late", LaneFront._queue,
          "with m.If(entry.last):", "with m.If(entry.last & ~decode.last_position):"),
    Fault("accumulators_never_wait", LaneFront._issue, "free | ~gated", "1 | ~gated"),
    Fault("done_too_early", LaneFront._issue, "self.issue & entry.final",
          "self.issue & entry.last"),
    Fault("filler_has_a_weight", PortLane._launch,
          "front.issue & ~head.filler", "front.issue"),
    Fault("weight_of_an_entry_that_waits", PortLane._launch,
          "front.issue & ~head.filler", "front.head_valid & ~head.filler"),
    Fault("first_of_no_issue", PortLane._launch,
          "front.issue & front.first", "front.issue & head.last"),
    Fault("pass_never_ends", PortLane._launch,
          "front.issue & head.last & ~self.start", "front.issue & 0"),
    Fault("tile_never_ends", PortLane._launch,
          "front.issue & head.ends_tile & ~head.final & ~self.start", "0"),
    Fault("channel_is_lost", PortLane._address, "near + channel", "near"),
    Fault("channel_is_lost_far", PortLane._address, "far + channel", "far"),
    Fault("tap_split_off_by_one", PortLane._split, "tap_address.eq(position >> shift)",
          "tap_address.eq(position >> (shift + 1))"),
    Fault("parity_of_the_tap_alone", PortLane._address, "either & ~both", "tap.word[0]"),
    Fault("even_half_never_further_on", PortLane._address,
          "either, far_channel", "both, far_channel"),
    Fault("odd_half_further_on_too_soon", PortLane._address,
          "both, far_channel", "either, far_channel"),
    Fault("tap_row_is_lost", PortLane._address, "tap.word >> 1", "0"),
    Fault("rest_off_by_one", PortLane._address, "rest.eq(tap.rest)", "rest.eq(tap.rest ^ 1)"),
    Fault("position_of_the_next_pass", PortLane._address, "odd_then.eq(odd_vector)",
          "odd_then.eq(~odd_vector)"),
    Fault("base_a_tile_late", PortLane._follow, "begins | fresh[1]", "begins"),
    Fault("bases_begin_late", PortLane._follow, "fresh[2] | flight.ends_tile", "flight.ends_tile"),
    Fault("far_is_near", PortLane._follow, "base + registers.channels", "base"),
    Fault("far_stays", PortLane._follow, "far.eq(far + registers.channels)", "far.eq(far)"),
    Fault("parity_stays_at_a_new_tile", PortLane._follow, "odd_vector.eq(0)",
          "odd_vector.eq(odd_vector)"),
    Fault("vectors_in_pairs", PortLane._follow, "odd_vector.eq(~odd_vector)", "odd_vector.eq(0)"),
    Fault("halves_swapped", PortLane._rotate, "self.bank_data[0], self.bank_data[1]",
          "self.bank_data[1], self.bank_data[0]"),
    Fault("weights_a_cycle_early", PortLane.elaborate, "for stage in (2, 3, 4)",
          "for stage in (2, 3)"),
    Fault("sums_never_ready", PortLane.elaborate, "rows.last.eq(flight.last)", "rows.last.eq(0)"),
    Fault("flags_a_cycle_early", LaneRows.elaborate,
          "macs.first.eq(first), macs.last.eq(last & ~self.start)",
          "macs.first.eq(self.first), macs.last.eq(self.last)"),
    Fault("sums_stay_ready", LaneRows.elaborate, "with m.If(self.take[row]):", "with m.If(0):"),
    Fault("fill_never_ends", PortArray.elaborate, "begun.any()", "begun.all()",
          "bitmap"),
    Fault("fill_ends_at_once", PortArray.elaborate, "begun.any()", "1"),
    Fault("lanes_take_each_others_sums", PortArray.elaborate,
          "self.sums[one].eq(lane.sums[row])", "self.sums[one ^ 1].eq(lane.sums[row])"),
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_seen(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    fault.plant(monkeypatch)
    assert not compare(*program(fault.case)).equal

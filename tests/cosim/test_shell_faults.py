"""Single faults around the array: control, counters, loads, memories, what all of it is built from.

Each must be seen, as in ``test_faults``, in a case that needs what it breaks; and every file with
gateware has a fault, here or with its family.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerators import DENSE, PORT, SPARSE, image_on, right, small_layer
from checked_layers import half_mask, layer_of
from cosim import test_control, test_eie_faults, test_faults, test_loads, test_port
from rtl_fault import Fault

from bosquet.hw import counters, register_checks, top, tree, weights
from bosquet.hw.control import Control, out_of_time
from bosquet.hw.counters import Counters
from bosquet.hw.design import Buffers, Design
from bosquet.hw.dram import Dram, DramAccelerator, _Sink, _Source
from bosquet.hw.loader import Loader
from bosquet.hw.ports import forward
from bosquet.hw.rotator import registered_halves, turned
from bosquet.hw.schedule import Schedule
from bosquet.hw.shell import Shell
from bosquet.hw.store import Buffer, Store
from bosquet.models.layer import LayerShape
from bosquet.sim.amaranth_rtl import run_rtl
from bosquet.sim.cosim import compare_schedule
from bosquet.sim.rtl_host import Pace

SHORT = Buffers(
    weight_words=16, index_words=10, feature_words=16, filter_words=6, offset_words=30
)  # fmt: skip
"""Of which no layer fits at once."""


def equal(design: Design, dram: Dram | None = None, shape: LayerShape | None = None) -> bool:
    """Return whether a layer runs on a design as predicted."""
    layer = layer_of(shape, half_mask(shape)) if shape else small_layer()
    shape = layer.shape
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    features = np.random.default_rng(1).integers(-128, 128, size)
    return compare_schedule(Schedule.plan(layer, design), features, dram).equal


def zero_free() -> bool:
    layer = small_layer()
    weight = np.where(layer.mask & (layer.weight == 0), 1, layer.weight)
    layer = replace(layer, weight=weight, weight_code="zero_free")
    design = replace(SPARSE, weight_codes=("zero_free",), index_bits=(8,))
    features = np.random.default_rng(1).integers(-128, 128, (1, 3, 4, 5))
    return compare_schedule(Schedule.plan(layer, design), features).equal


def held_up() -> bool:
    image = image_on(SPARSE)
    return right(run_rtl(image, 5000, Pace(output=(True,) * 9 + (False,))), image)


def passes(test: Callable[[], None]) -> Callable[[], bool]:
    """Return what runs a test of the control unit, and returns whether it passes."""

    def run() -> bool:
        try:
            test()
        except AssertionError:
            return False
        return True

    return run


TWO_SETS = replace(SPARSE, buffer_sets=2, buffers=SHORT)
CASES: dict[str, Callable[[], bool]] = {
    "sparse": lambda: equal(SPARSE),
    "port": lambda: equal(PORT),
    "dense": lambda: equal(DENSE),
    "wide": lambda: equal(
        replace(DENSE, vector=18), shape=LayerShape("wide", "fc", 4, 3, batch=18)
    ),
    "parts": lambda: equal(replace(SPARSE, buffers=SHORT)),
    "two_sets": lambda: equal(TWO_SETS),
    "units": lambda: equal(replace(SPARSE, lanes=8, drain=2)),
    "held_up": held_up,
    "dram": lambda: equal(SPARSE, Dram(bandwidth_bits=2, latency_cycles=9)),
    "zero_free": zero_free,
    "limit": passes(lambda: test_control.test_a_limit_of_just_enough_cycles_is_no_error(SPARSE)),
    "interrupts": passes(test_control.test_interrupts_and_status),
    "wrong_loads": passes(test_loads.test_wrong_loads_are_told),
    "wait": passes(lambda: test_loads.test_a_start_waits_for_a_load_that_counts(SPARSE)),
    "abort": passes(lambda: test_control.test_abort_in_mid_layer(SPARSE, 0)),
    "clamp": passes(
        lambda: test_control.test_a_register_that_cannot_be_right_keeps_the_run_from_starting(
            "low", SPARSE
        )
    ),
}

FAULTS = (
    Fault("start_does_not_wait_for_a_load", Control.elaborate, "full_next | ~swap_next", "1",
          "dram"),
    Fault("sets_are_not_swapped", Control.elaborate, "using.eq(~using)", "using.eq(using)",
          "two_sets"),
    Fault("done_without_irq", Control.elaborate, "Cat(self.done, self.error)", "self.error",
          "interrupts"),
    Fault("limit_reached_at_the_end", Control.elaborate, "self.running & ~self.ended & out",
          "self.running & out", "limit"),
    Fault("limit_a_cycle_early", out_of_time, "left == 2", "left == 3", "limit"),
    Fault("counts_1_more", Counters._count, "low + added[:HALF_BITS]",
          "low + added[:HALF_BITS] + 1"),
    Fault("counts_before_the_run", Counters.elaborate, "behind[-1]", "behind[0]"),
    Fault("loads_are_not_counted", Counters._loaded, "beats.eq(beats + beat)", "beats.eq(beats)"),
    Fault("done_lanes_always_imbalanced", counters._sparse_causes, "Mux(working, done, 0)", "done"),
    Fault("all_rows_work", counters._dense_causes, "Mux(last_tile, array.registers.last_tile_lanes",
          "Mux(0, array.registers.last_tile_lanes", "dense"),
    Fault("load_stays_at_its_address", Loader.elaborate, "address.eq(address + 1)",
          "address.eq(address)"),
    Fault("section_a_beat_longer", Loader.elaborate, "(low == 2)", "(low == 1)"),
    Fault("cut_load_is_not_told", Loader.elaborate, "taken & beat.last & ~is_final", "0",
          "wrong_loads"),
    Fault("cut_load_counts", Loader.elaborate, "beat.last & is_final & ~spoiled",
          "beat.last & ~spoiled", "wait"),
    Fault("spoiled_load_counts", Loader.elaborate, "is_final & ~spoiled", "is_final", "wait"),
    Fault("abort_comes_too_early", Control.elaborate,
          "(self.start | (self.running & ~(self.ended | over))) & ~command.abort",
          "self.start | (self.running & ~(self.ended | over | command.abort))", "abort"),
    Fault("set_in_use_is_written", Buffer.elaborate, "self.using != number",
          "self.using == number", "two_sets"),
    Fault("halves_swapped_in_the_load", Store.half_bank, "write.address[0] == half",
          "write.address[0] != half"),
    Fault("units_not_told_apart", Store.buffer, "& (write.unit == unit)", "", "units"),
    Fault("ends_before_it_is_taken", Shell.elaborate, "sent & self.beat_last",
          "self.m_axis_tvalid & self.beat_last", "held_up"),
    Fault("sums_of_no_lane", top.Accelerator.elaborate, "output.ready.eq(array.ready)",
          "output.ready.eq(~array.ready)"),
    Fault("filters_of_the_first_unit", top._filter_memories, "MemoryKind.FILTERS, unit,",
          "MemoryKind.FILTERS, 0,", "units"),
    Fault("latency_1_less", _Source.elaborate, "left.eq(self._latency)",
          "left.eq(self._latency - 1)", "dram"),
    Fault("output_a_cycle_slower", _Sink.elaborate, "left.eq(self._period - 1)",
          "left.eq(self._period)", "dram"),
    Fault("outputs_pass_unpaced", DramAccelerator.elaborate,
          "sink.ready & self.m_axis_tready", "self.m_axis_tready", "dram"),
    Fault("offsets_never_read", forward, "array.offset_enable.eq(feeder.offset_enable)",
          "array.offset_enable.eq(0)"),
    Fault("broadcast_without_register", tree.broadcast, "m.d.sync", "m.d.comb", "wide"),
    Fault("magnitude_less_1", weights.decoded, "bits[:-1] + 1", "bits[:-1]", "zero_free"),
    Fault("turned_by_1_each", turned, "(1 << bit) % vector", "1"),
    Fault("first_position_from_behind", registered_halves, "i < rest", "i <= rest", "port"),
    Fault("clamps_not_checked", register_checks._faults, "registers.low > registers.high",
          "registers.low > registers.low", "clamp"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_without_fault_all_is_equal(case: str) -> None:
    assert CASES[case]()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_is_seen(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    fault.plant(monkeypatch)
    assert not CASES["sparse" if fault.case == "relative" else fault.case]()


def test_every_file_of_the_gateware_has_a_fault() -> None:
    folder = Path(inspect.getfile(Control)).parent
    gateware = {path.name for path in folder.glob("*.py") if "m.d." in path.read_text()}
    faults = (*FAULTS, *test_faults.RTL_FAULTS, *test_port.FAULTS, *test_eie_faults.RTL_FAULTS)
    assert gateware - {Path(inspect.getfile(fault.method)).name for fault in faults} == set()

"""Single faults in the RTL of the EIE family: each must be seen, as in ``test_faults``."""

import inspect
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from rtl_fault import Fault

from bosquet.hw import eie_array, eie_pe, eie_scanner, requantize
from bosquet.hw.design import Design
from bosquet.hw.eie_array import EieArray
from bosquet.hw.eie_pe import EiePe
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.eie_scanner import EieScanner
from bosquet.hw.program import Program
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.cosim import Comparison, compare

SMALL = replace(Design.eie(3), feed=4, acc_rows=4, fifo_depth=1, index_bits=(2,), drain=2,
                weight_codes=("zero_free", "twos_complement"))  # fmt: skip
DESIGNS = {"small": SMALL, "tree": replace(Design.eie(18), feed=4, acc_rows=1, fifo_depth=1,
                           weight_bits=9)}  # fmt: skip
"""Three row tiles, the last of which is not full, two images, a last word that is not full; and
more PEs than one broadcast stage serves."""


@cache
def layer() -> Layer:
    rng = np.random.default_rng(3)
    shape = LayerShape("small", "fc", 18, 28, batch=2)
    density = np.linspace(0.1, 0.9, 28)[:, None, None, None]
    mask = rng.random(shape.weight_shape) < density
    mask[:, 7] = False
    weight = rng.integers(1, 129, shape.weight_shape) * rng.choice([-1, 1], shape.weight_shape)
    weight = np.where(mask, weight, 0)
    scale = Requantization(rng.integers(1 << 15, 1 << 16, 28), np.full(28, 23), 20, -128, 127)
    return Layer(shape, weight, mask, rng.integers(-999, 999, 28), scale, zero_point_in=-77,
                 weight_code="zero_free")  # fmt: skip


@cache
def features() -> np.ndarray:
    """Return activations, with words without and words full of non-zeros."""
    values = np.random.default_rng(6).integers(-128, 128, (2, 18, 1, 1))
    values = np.maximum(values, -77)
    values[0, :8] = -77
    values[1, 16:] = -77
    values[1, 8:12] = 127
    return values


@cache
def clean_program(case: str) -> Program:
    return Program.plan(layer(), DESIGNS[case])


@cache
def clean(case: str) -> Comparison:
    return compare(clean_program(case), layer(), features())


@pytest.mark.parametrize("case", DESIGNS)
def test_without_fault_all_is_equal(case: str) -> None:
    assert clean(case).equal, clean(case)


RTL_FAULTS = (
    Fault("skips_zero_instead_of_the_zero_point", EieScanner._scan,
          "self.data[i] != self.registers.zero_point_in", "self.data[i] != 0", "small"),
    Fault("zero_point_not_subtracted", EieScanner._scan,
          "self.data[i] - self.registers.zero_point_in", "self.data[i]", "small"),
    Fault("never_waits_for_room", EieScanner._scan,
          "(~some | self.room)", "(~some | 1)", "small"),
    Fault("empty_word_waits_for_room", EieScanner._scan,
          "(~some | self.room)", "self.room", "small"),
    Fault("empty_word_takes_no_slot", EieScanner._scan,
          "fetched & (~valid | ends)", "fetched & (~valid | ends | ~some)", "small"),
    Fault("highest_column_first", EieScanner._scan,
          "lowest.eq(left & ~rest)", "lowest.eq(left & ~(left >> 1))", "small"),
    Fault("next_scan_before_the_drain", EieScanner._scan,
          "m.d.sync += go.eq(0)", "m.d.sync += go.eq(1)", "small"),
    Fault("image_ends_one_word_early", EieScanner._fetch,
          "registers.words - 1", "registers.words - 2", "small"),
    Fault("next_image_reads_the_first_again", EieScanner._fetch,
          "image_start.eq(address + 1)", "image_start.eq(image_start)", "small"),
    Fault("row_tiles_share_their_pointers", EieScanner._fetch,
          "word.eq(0), tile.eq(tile + 1), address.eq(image_start)",
          "word.eq(0), tile.eq(tile + 1), address.eq(image_start), pointer_word.eq(0)", "small"),
    Fault("drained_a_row_early", EieScanner._wait_for_drain,
          "row.all()", "(row == 2)", "small"),
    Fault("partial_tile_counts_as_full", EieScanner._wait_for_drain,
          "Mux(passes.last_tile, 0, row + 1)", "row + 1", "small"),
    Fault("fifo_takes_one_more", EiePe._arrive,
          "queue.level < self._design.fifo_depth", "queue.level <= self._design.fifo_depth",
          "small"),
    Fault("empty_columns_enter_the_fifo", EiePe._arrive,
          "item.valid & self.pointer_data.occupied", "item.valid", "small"),
    Fault("column_never_ends", EiePe._read,
          "held & ~self.entry_data.end", "held", "small"),
    Fault("activation_of_the_column_after", EiePe._read,
          "value.eq(head.value)", "value.eq(head.value + 1)", "small"),
    Fault("reads_before_the_column_has_ended", EiePe._read,
          "pop.eq(~more & queue.r_rdy)", "pop.eq(~held & queue.r_rdy)", "small"),
    Fault("row_not_reset_at_the_end_of_a_column", EiePe._operand,
          "Mux(entry.end, 0, row + ~filler)", "row + ~filler", "small"),
    Fault("filler_advances_1_too_many", EiePe._operand,
          "row + ~filler)", "row + 1)", "small"),
    Fault("filler_has_a_weight", EiePe._operand,
          "operand.valid.eq(held & ~filler)", "operand.valid.eq(held)", "small"),
    Fault("sums_not_cleared", EiePe._accumulate,
          "due.eq(0), written.eq(0)", "due.eq(0)", "small"),
    Fault("product_unsigned", EiePe._accumulate,
          "signed(design.act_bits + 1 + design.operand_bits)",
          "design.act_bits + 1 + design.operand_bits", "small"),
    Fault("row_of_the_entry_after", EiePe._accumulate,
          "product.row.eq(operand.row)", "product.row.eq(operand.row + 1)", "small"),
    Fault("last_tile_drains_all_rows", EiePe._accumulate,
          "Mux(final, self.registers.tiles_per_group[:bits], 0)", "0", "small"),
    Fault("drained_before_the_last_product", EiePe._accumulate,
          "quiet & ~product.valid & ~self.ready", "quiet & ~self.ready", "small"),
    Fault("drained_before_the_last_operand", EiePe.elaborate,
          "~held & ~operand.valid", "~held", "small"),
    Fault("filler_counted_as_compute", EiePe.elaborate,
          "Mux(filler, LaneState.FILLER, LaneState.COMPUTE)", "LaneState.COMPUTE", "small"),
    Fault("waiting_counted_as_done", EiePe.elaborate,
          "LaneState.NOT_FED", "LaneState.DONE", "small"),
    Fault("reading_counted_as_feed", EiePe.elaborate,
          "LaneState.EMPTY", "LaneState.NOT_FED", "small"),
    Fault("fill_ends_early", EieArray._tell,
          "self.fed_any.eq(begun)", "self.fed_any.eq(arrived | begun)", "small"),
    Fault("room_of_any_pe", EieArray._all,
          "Cat(*flags).all()", "Cat(*flags).any()", "small"),
    Fault("room_of_any_pe_of_a_cluster", EieArray._all,
          "Cat(*flags[low : low + CLUSTER_LANES]).all()",
          "Cat(*flags[low : low + CLUSTER_LANES]).any()", "tree"),
    Fault("room_heard_at_once", EieArray._all,
          "m.d.sync += flag", "m.d.comb += flag", "tree"),
    Fault("items_of_another_cluster", EieArray.elaborate,
          "own.pointer)", "own.pointer ^ 1)", "tree"),
    Fault("filters_go_on_with_the_next_image", requantize.OutputStage._visit,
          "m.d.sync += at.address.eq(0)", "m.d.sync += at.address.eq(at.address + 1)", "small"),
)  # fmt: skip


@pytest.mark.parametrize("fault", RTL_FAULTS, ids=str)
def test_rtl_fault_is_seen(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    fault.plant(monkeypatch)
    assert not compare(clean_program(fault.case), layer(), features()).equal


def test_every_method_of_the_gateware_has_a_fault() -> None:
    tried = {fault.method.__qualname__ for fault in RTL_FAULTS}
    for module, cls in ((eie_pe, EiePe), (eie_scanner, EieScanner), (eie_array, EieArray)):
        own = {
            f"{cls.__name__}.{name}" for name, one in vars(cls).items() if inspect.isfunction(one)
        }
        own -= {f"{cls.__name__}.__init__", "EieScanner.elaborate"}
        assert own <= tried, module.__name__


def test_fault_in_a_pointer_is_seen() -> None:
    program = clean_program("small")
    assert isinstance(program, EieProgram)
    tiles = [list(tile) for tile in program.columns]
    pe = tiles[0][0]
    starts = pe.starts.copy()
    starts[np.flatnonzero(pe.counts)[2]] += 1
    tiles[0][0] = replace(pe, starts=starts)
    wrong = program.with_columns(tiles)
    assert not compare(wrong, layer(), features()).equal

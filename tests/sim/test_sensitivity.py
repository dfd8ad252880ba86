"""Other assumptions about silicon: what they add, and to whom."""

from dataclasses import replace

import pytest

from bosquet.errors import InputError
from bosquet.hw.design import Buffers, Design
from bosquet.sim.cost import Cost
from bosquet.sim.sensitivity import MoreSparseArea, assumptions
from bosquet.sim.technology import Technology

SPARSE = Design("sparse", 16, 16, drain=2, drain_cycles=4)
BUFFERS = Buffers(1000, 100, 500, 32, 64)


@pytest.fixture(scope="module")
def technology() -> Technology:
    return Technology.load()


def test_more_area_for_what_only_the_sparse_design_has(technology: Technology) -> None:
    cost = Cost(technology)
    twin = replace(Design.dense(16, 16), acc_sets=2, drain=2, drain_cycles=4)
    only_sparse = cost.logic_um2(SPARSE) - cost.logic_um2(twin)
    more = MoreSparseArea(cost, 0.2)
    usual = cost.area(SPARSE, BUFFERS)
    grown = more.area(SPARSE, BUFFERS).total_um2 - usual.total_um2
    assert grown == pytest.approx(0.2 * (only_sparse + usual.sram_um2["index"]))
    assert 0.2 * cost.logic_um2(SPARSE) > grown > 0.02 * cost.logic_um2(SPARSE)
    assert more.frequency(SPARSE, BUFFERS) == cost.frequency(SPARSE, BUFFERS)


def test_a_dense_design_stays_as_it_is(technology: Technology) -> None:
    cost, dense = Cost(technology), Design.dense(16, 16)
    buffers = replace(BUFFERS, index_words=0)
    assert MoreSparseArea(cost, 0.2).area(dense, buffers) == cost.area(dense, buffers)


def test_wires_make_the_logic_slower_and_no_larger(technology: Technology) -> None:
    names = [one.name for one in assumptions(technology)]
    assert names == [
        "wires of 1.6 inverter inputs per fan-out",
        "10% more sparse-only area",
        "20% more sparse-only area",
    ]
    wired = assumptions(technology)[0].cost
    usual = Cost(technology)
    assert wired.area(SPARSE, BUFFERS) == usual.area(SPARSE, BUFFERS)
    slower = usual.frequency(SPARSE, BUFFERS).freq_hz / wired.frequency(SPARSE, BUFFERS).freq_hz
    assert 1.05 < slower < 2


def test_a_card_without_wires_has_no_such_line(technology: Technology) -> None:
    card = technology.card
    logic = card.logic.model_copy(update={"wire_inputs_per_fanout": None})
    without = replace(technology, card=card.model_copy(update={"logic": logic}))
    assert len(assumptions(without)) == 2
    with pytest.raises(InputError, match=r"logic\.wire_inputs_per_fanout is missing"):
        without.wired()


def test_wires_that_were_not_measured_are_refused(technology: Technology) -> None:
    card = technology.card
    wires = card.logic.wire_inputs_per_fanout
    assert wires is not None
    longer = wires.model_copy(update={"value": 9.0})
    logic = card.logic.model_copy(update={"wire_inputs_per_fanout": longer})
    other = replace(technology, card=card.model_copy(update={"logic": logic}))
    with pytest.raises(InputError, match="wires of 9 inverter inputs per fan-out"):
        assumptions(other)

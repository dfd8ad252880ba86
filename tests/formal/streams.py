"""What the index fetcher, the pass counter and the loader must do, whatever their neighbours do."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Mux, Signal, Value

from bosquet.hw.design import Design
from bosquet.hw.loader import MemoryKind, Room, header_layout

from .property import Property, pick

__all__ = ["DESIGN", "FETCH_WORDS", "FetchProperty", "LoaderProperty", "PassesProperty"]

DESIGN = Design("sparse", lanes=2, vector=1, window=2, feed=1, run_ahead=2)
FETCH_WORDS = 6


class FetchProperty(Property):
    """Words come filter by filter, each filter once per pass, none lost and none twice.

    The memory is six words the solver chooses; its output holds while it is not enabled.
    """

    def __init__(self, fetch: Any) -> None:
        super().__init__()
        m = self.m
        m.submodules.fetch = fetch
        memory = [self.fixed(DESIGN.scan_bits + 1, f"memory_{i}") for i in range(FETCH_WORDS)]
        tiles = self.between(2, "position_tiles", 1, 3)
        restart, wanted = self.free(1, "restart"), self.free(1, "wanted")
        start, output = Signal(), Signal(DESIGN.scan_bits + 1)
        m.d.comb += [
            start.eq(self.first | (restart & (self.cycle == 4))),
            fetch.start.eq(start),
            fetch.position_tiles.eq(tiles),
            fetch.data.eq(output),
            fetch.word.ready.eq(wanted),
        ]
        with m.If(fetch.enable):
            m.d.sync += output.eq(pick(memory, fetch.address))

        here, begin, passes, since = Signal(4), Signal(4), Signal(2), Signal(2)
        taken, end = Signal(), Signal()
        m.d.comb += [taken.eq(fetch.word.valid & wanted & ~start), end.eq(fetch.word.payload.end)]
        with m.If(taken):
            m.d.sync += here.eq(here + 1)
            with m.If(end):
                with m.If(passes == tiles - 1):
                    m.d.sync += [passes.eq(0), begin.eq(here + 1)]
                with m.Else():
                    m.d.sync += [passes.eq(passes + 1), here.eq(begin)]
        m.d.sync += since.eq(Mux(since == 3, 3, since + 1))
        with m.If(start):
            m.d.sync += [here.eq(0), begin.eq(0), passes.eq(0), since.eq(0)]
        inside = here < FETCH_WORDS
        running = ~start & (since == 3)
        self.claim(fetch.word.payload.as_value() == pick(memory, here), when=taken & inside)
        # A decoder that takes a word in each cycle never waits.
        self.claim(fetch.word.valid, when=running)
        self.cover(taken & (here == 3) & (begin == 2) & (passes == 1))
        self.cover(taken & ~self.before(wanted, "wanted_before") & (here == 2))


class PassesProperty(Property):
    """The flags follow from the number of the pass, by division."""

    def __init__(self, passes: Any) -> None:
        super().__init__()
        m = self.m
        m.submodules.passes = passes
        most = 3
        tiles, groups = self.between(2, "tiles", 1, most), self.between(2, "groups", 1, most)
        positions = self.between(2, "positions", 1, most)
        advance, restart = self.free(1, "advance"), self.free(1, "restart")
        start = self.first | restart
        number = Signal(6)
        m.d.comb += [
            passes.start.eq(start),
            passes.advance.eq(advance),
            passes.registers.position_tiles.eq(positions),
            passes.registers.tiles_per_group.eq(tiles),
            passes.registers.groups.eq(groups),
        ]
        with m.If(advance):
            m.d.sync += number.eq(number + 1)
        with m.If(start):
            m.d.sync += number.eq(0)
        self.assume(number < positions * tiles * groups)
        begun = ~self.first  # the flags are registers, which a start sets
        last_tile = (number // positions) % tiles == tiles - 1
        self.claim(passes.last_position == (number % positions == positions - 1), when=begun)
        self.claim(passes.last_tile == last_tile, when=begun)
        self.claim(passes.last == (number == positions * tiles * groups - 1), when=begun)
        self.cover(passes.last & (number == 11))


class LoaderProperty(Property):
    """Every accepted beat of a section is written once, to its unit and its place.

    A load counts if it has come whole and there is room for all its sections; from the first one
    without room on, nothing of it is written.
    """

    def __init__(self, loader: Any, rooms: Mapping[MemoryKind, Room]) -> None:
        super().__init__()
        m = self.m
        m.submodules.loader = loader
        beat, valid = self.free(loader.load.payload.shape(), "beat"), self.free(1, "valid")
        opened, clear = self.free(1, "opened"), self.free(1, "clear")
        m.d.comb += [
            loader.load.payload.eq(beat),
            loader.load.valid.eq(valid),
            loader.open.eq(opened),
            loader.clear.eq(clear),
        ]
        # The stream as its sender knows it: a header, then as many beats as that says.
        head = Signal(header_layout())
        m.d.comb += head.as_value().eq(beat.data)
        unit, memory = Signal(13), Signal(MemoryKind)
        total, sent, in_section = Signal(32), Signal(32), Signal()
        taken = valid & opened
        self.assume(in_section | (head.beats < 5))
        ends = sent == total - 1
        has_room: Value = Value.cast(0)
        for kind, (units, beats) in rooms.items():
            enough = (head.unit < units) & (head.beats <= beats)
            has_room = Mux(head.memory == kind, enough, has_room)
        wrong = Signal()
        m.d.comb += wrong.eq(taken & ~in_section & ~beat.last & ~has_room)
        spoiled = Signal()
        with m.If(taken):
            with m.If(in_section):
                m.d.sync += sent.eq(sent + 1)
                with m.If(ends | beat.last):
                    m.d.sync += in_section.eq(0)
            with m.Else():
                m.d.sync += [
                    unit.eq(head.unit),
                    memory.eq(head.memory),
                    total.eq(head.beats),
                    sent.eq(0),
                    in_section.eq((head.beats != 0) & ~beat.last),
                ]
            m.d.sync += spoiled.eq((spoiled | wrong) & ~beat.last)
        cleared = Signal()  # within a section, once
        with m.If(clear):
            m.d.sync += [in_section.eq(0), spoiled.eq(0), cleared.eq(cleared | in_section)]
        data_beat = taken & in_section & ~spoiled
        written = loader.written
        self.claim(loader.load.ready == opened)
        self.claim(written.enable == self.before(data_beat, "data_beat"))
        for name, expected in (("unit", unit), ("memory", memory), ("address", sent),
                               ("data", beat.data)):  # fmt: skip
            expected_before = self.before(expected, f"{name}_before")
            self.claim(written[name] == expected_before, when=written.enable)
        self.claim(loader.ended == (taken & beat.last & in_section & ends & ~spoiled))
        self.claim(loader.wrong_section == self.before(wrong & ~clear, "wrong_before"))
        cut = taken & beat.last & Mux(in_section, ~ends, head.beats != 0)
        self.claim(loader.cut == cut, when=in_section | ~beat.last)
        self.cover(written.enable & (written.address == 2) & (written.unit == 5))
        self.cover(loader.cut)
        self.cover(loader.ended & cleared)
        self.cover(loader.wrong_section & ~self.first)

"""The feeder: walks the activations of a layer and reads V of them per bank, unaligned.

One feed step is one channel block at one kernel tap; ``hw.walk`` says in which order they come. Its
flat address is the sum of a base and a stored offset, both kept as whole vectors and positions.
Each bank has an even and an odd half, so that two neighbouring vectors are read together and a
rotator cuts the V wanted positions out of them; all banks share one address.

Stages, in cycles after a step is issued: 0 its offset is read; 1 the address is added;
2 the banks are read; 3 their halves are merged and, in the dense family, the vectors turned; from 4
on these stand in ``vectors`` (sparse: they are turned there, on their way into the windows).
"""

from functools import partial

from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .registers import layer_layout
from .rotator import BankRotator, registered_halves, registered_turns
from .shared import add_equal
from .walk import TableWalk, TapWalk, Walk, add_address, step_layout

__all__ = ["Feeder", "address_layout"]


def address_layout(design: Design, feature_words: int) -> data.StructLayout:
    """Return the layout of a flat address: whole vectors, and the positions left over."""
    return data.StructLayout(
        {
            "word": unsigned(max(1, feature_words.bit_length())),
            "rest": unsigned((design.vector - 1).bit_length()),
        }
    )


class Feeder(wiring.Component):
    """Issues feed steps in program order, one per cycle while ``go``.

    Members
    -------
    registers : layer registers, in
    start, go, hold : Signal, in
        Begin the layer; the next step may be issued; every stage keeps what it has.
    step : step_layout, out
        The step at hand; it is issued if ``go`` and not ``hold``.
    offset_address, offset_enable, offset_data : memory read port of the offsets
    bank_addresses : array of 2 addresses, out; bank_enable : Signal, out
        Row of the even and of the odd halves of the banks, in the third cycle of a step.
    bank_data : array of feed pairs of vectors, in
        Even and odd half of each bank.
    vectors : array of feed vectors, out
        In the fifth cycle of a step.
    """

    def __init__(self, design: Design, feature_words: int, offset_words: int) -> None:
        self._design = design
        self._address = address_layout(design, feature_words)
        self._offset_words = offset_words
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        row = unsigned(max(1, (-(-feature_words // 2) - 1).bit_length()))
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "go": In(1),
                "hold": In(1),
                "step": Out(step_layout()),
                "offset_address": Out(range(max(2, offset_words))),
                "offset_enable": Out(1),
                "offset_data": In(self._address),
                "bank_addresses": Out(data.ArrayLayout(row, 2)),
                "bank_enable": Out(1),
                "bank_data": In(data.ArrayLayout(data.ArrayLayout(vector, 2), design.feed)),
                "vectors": Out(data.ArrayLayout(vector, design.feed)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._read(m, self._sum(m, self._walk(m)), platform)
        return m

    def _walk(self, m: Module) -> Walk:
        """Visit the steps in order, one per cycle while ``go`` and not ``hold``."""
        kind = TapWalk if self._design.family == "dense" else TableWalk
        m.submodules.walk = walk = kind(self._design, self._address, self._offset_words)
        m.d.comb += [
            walk.registers.eq(self.registers),
            walk.start.eq(self.start),
            walk.advance.eq(walk.step.valid & self.go & ~self.hold),
            self.step.eq(walk.step),
            self.offset_address.eq(walk.offset_address),
            self.offset_enable.eq(~self.hold),
            self.bank_enable.eq(~self.hold),
        ]
        return walk

    def _sum(self, m: Module, walk: Walk) -> data.View:
        """Add the step's offset and its base, a cycle after the step is issued."""
        base, address = Signal(self._address), Signal(self._address)
        total = add_address(
            m, self._design.vector, base, self.offset_data.word, self.offset_data.rest, "position"
        )
        with m.If(~self.hold):
            m.d.sync += [base.eq(walk.base), address.eq(total)]
        return address

    def _read(self, m: Module, address: data.View, platform: object) -> None:
        """Read two neighbouring vectors of each bank and rotate the wanted positions out."""
        design = self._design
        m.d.comb += [
            self.bank_addresses[0].eq((address.word + 1) >> 1),
            self.bank_addresses[1].eq(address.word >> 1),
        ]
        with m.If(~self.hold):
            halves = registered_halves(m, design.vector, address.word[0], address.rest, "halves")
            turns = registered_turns(m, address.rest, "turns")
            if design.family == "sparse":  # whose rotators turn a cycle later
                turns = registered_turns(m, turns.yes, "turns_then")
        make = partial(BankRotator, design)
        for bank in range(design.feed):
            rotator = add_equal(m, f"rotator_{bank}", "rotator", make, platform)
            m.d.comb += [
                rotator.halves.eq(halves),
                rotator.turns.eq(turns),
                rotator.hold.eq(self.hold),
                rotator.even.eq(self.bank_data[bank][0]),
                rotator.odd.eq(self.bank_data[bank][1]),
                self.vectors[bank].eq(rotator.vector),
            ]

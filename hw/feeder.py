"""The feeder: walks the activations of a layer and reads V of them per bank, unaligned.

One feed step is one channel block at one kernel tap. Its flat address is the sum of a base (the
channel block at this position vector) and the tap's offset, both kept as whole vectors and
positions. Each bank has an even and an odd half, so that two neighbouring vectors are read
together and a rotator cuts the V wanted positions out of them; all banks share one address.

Stages, in cycles after a step is issued: 0 the tap's offset is read; 1 the address is added;
2 the banks are read; 3 the vectors are rotated; from 4 on they stand in ``vectors``.
"""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .passes import PassCounter
from .registers import layer_layout

__all__ = ["Feeder", "address_layout", "step_layout"]


def address_layout(design: Design, feature_words: int) -> data.StructLayout:
    """Return the layout of a flat address: whole vectors, and the positions left over."""
    return data.StructLayout(
        {
            "word": unsigned(max(1, feature_words.bit_length())),
            "rest": unsigned((design.vector - 1).bit_length()),
        }
    )


def step_layout() -> data.StructLayout:
    """Return what a step is: the first or last of its pass, with the pass the very last."""
    return data.StructLayout({"valid": 1, "first": 1, "last": 1, "final": 1})


class Feeder(wiring.Component):
    """Issues feed steps in program order, one per cycle while ``go``.

    Members
    -------
    registers : layer registers, in
    start, go, hold : Signal, in
        Begin the layer; the next step may be issued; every stage keeps what it has.
    step : step_layout, out
        The step at hand; it is issued if ``go`` and not ``hold``.
    tap_address, tap_enable, tap_data : memory read port of the tap offsets
    bank_addresses : array of 2 addresses, out; bank_enable : Signal, out
        Row of the even and of the odd halves of the banks, in the third cycle of a step.
    bank_data : array of feed pairs of vectors, in
        Even and odd half of each bank.
    vectors : array of feed vectors, out
        In the fifth cycle of a step.
    """

    def __init__(self, design: Design, feature_words: int, tap_words: int) -> None:
        self._design = design
        self._address = address_layout(design, feature_words)
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        row = unsigned(max(1, (-(-feature_words // 2) - 1).bit_length()))
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "go": In(1),
                "hold": In(1),
                "step": Out(step_layout()),
                "tap_address": Out(range(max(2, tap_words))),
                "tap_enable": Out(1),
                "tap_data": In(self._address),
                "bank_addresses": Out(data.ArrayLayout(row, 2)),
                "bank_enable": Out(1),
                "bank_data": In(data.ArrayLayout(data.ArrayLayout(vector, 2), design.feed)),
                "vectors": Out(data.ArrayLayout(vector, design.feed)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block_base = self._walk(m)
        address = self._sum(m, block_base)
        self._read(m, address)
        return m

    def _walk(self, m: Module) -> data.View:
        """Count taps, channel blocks and passes; keep the base address of the channel block."""
        registers = self.registers
        m.submodules.passes = passes = PassCounter(self._design)
        active, tap, block = Signal(), Signal(12), Signal(16)
        last_tap, last_block, issue = Signal(), Signal(), Signal()
        group_base = Signal(self._address)  # the group's first channel block at position 0
        pass_base = Signal(self._address)  # the group's first channel block at this vector
        block_base = Signal(self._address)

        m.d.comb += [
            last_tap.eq(tap == registers.taps - 1),
            last_block.eq(block == registers.blocks - 1),
            self.step.valid.eq(active),
            self.step.first.eq((tap == 0) & (block == 0)),
            self.step.last.eq(last_tap & last_block),
            self.step.final.eq(last_tap & last_block & passes.last),
            issue.eq(active & self.go & ~self.hold),
            passes.registers.eq(registers),
            passes.start.eq(self.start),
            passes.advance.eq(issue & self.step.last),
            self.tap_address.eq(tap),
            self.tap_enable.eq(~self.hold),
            self.bank_enable.eq(~self.hold),
        ]
        next_block = self._add(m, block_base, registers.block_word, registers.block_rest, "block")
        next_group = self._add(m, group_base, registers.group_word, registers.group_rest, "group")
        with m.If(issue):
            m.d.sync += tap.eq(tap + 1)
            with m.If(last_tap):
                m.d.sync += [tap.eq(0), block.eq(block + 1), block_base.eq(next_block)]
                with m.If(last_block):
                    next_pass = Signal(self._address)
                    m.d.comb += [
                        next_pass.word.eq(pass_base.word + 1),
                        next_pass.rest.eq(pass_base.rest),
                    ]
                    with m.If(passes.last_position):
                        m.d.comb += next_pass.eq(Mux(passes.last_tile, next_group, group_base))
                        with m.If(passes.last_tile):
                            m.d.sync += group_base.eq(next_group)
                    m.d.sync += [block.eq(0), block_base.eq(next_pass), pass_base.eq(next_pass)]
                    m.d.sync += active.eq(~passes.last)
        with m.If(self.start):
            m.d.sync += [
                active.eq(1),
                tap.eq(0),
                block.eq(0),
                group_base.eq(0),
                pass_base.eq(0),
                block_base.eq(0),
            ]
        return block_base

    def _sum(self, m: Module, block_base: data.View) -> data.View:
        """Add tap offset and block base, a cycle after the step is issued."""
        base, address = Signal(self._address), Signal(self._address)
        total = self._add(m, base, self.tap_data.word, self.tap_data.rest, "position")
        with m.If(~self.hold):
            m.d.sync += [base.eq(block_base), address.eq(total)]
        return address

    def _read(self, m: Module, address: data.View) -> None:
        """Read two neighbouring vectors of each bank and rotate the wanted positions out."""
        design = self._design
        odd, rest = Signal(), Signal.like(address.rest)
        m.d.comb += [
            self.bank_addresses[0].eq((address.word + 1) >> 1),
            self.bank_addresses[1].eq(address.word >> 1),
        ]
        with m.If(~self.hold):
            m.d.sync += [odd.eq(address.word[0]), rest.eq(address.rest)]
        # Position i comes from the first vector if i >= rest, else from the one after it.
        from_odd = Signal(design.vector)
        m.d.comb += [from_odd[i].eq((i < rest) ^ odd) for i in range(design.vector)]
        for bank in range(design.feed):
            even, uneven = self.bank_data[bank][0], self.bank_data[bank][1]
            rotated = [
                Mux(from_odd[i], uneven[i], even[i]).as_signed() for i in range(design.vector)
            ]
            for bit in range(len(rest)):
                by = (1 << bit) % design.vector
                rotated = [
                    Mux(rest[bit], rotated[(i + by) % design.vector], rotated[i])
                    for i in range(design.vector)
                ]
            with m.If(~self.hold):
                m.d.sync += [self.vectors[bank][i].eq(value) for i, value in enumerate(rotated)]

    def _add(self, m: Module, base: data.View, word: Signal, rest: Signal, name: str) -> data.View:
        """Add an offset of whole vectors and positions to an address."""
        vector = self._design.vector
        total = Signal(self._address, name=f"{name}_sum")
        rests = Signal(range(2 * vector), name=f"{name}_rests")
        carry = Signal(name=f"{name}_carry")
        m.d.comb += [
            rests.eq(base.rest + rest),
            carry.eq(rests >= vector),
            total.word.eq(base.word + word + carry),
            total.rest.eq(Mux(carry, rests - vector, rests)),
        ]
        return total

"""The pass counter: position vectors within filter tiles within convolution groups."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .registers import layer_layout

__all__ = ["PassCounter"]


class PassCounter(wiring.Component):
    """Counts passes in program order; everything that works pass by pass holds one.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
        Back to the first pass.
    advance : Signal, in
        This pass ends in this cycle.
    last_position, last_tile, last : Signal, out
        This pass is the last of its tile; of a tile that is the last of its group; of all.
    """

    def __init__(self, design: Design) -> None:
        # A pass of the EIE family is a row of accumulators: there are no vectors of positions.
        self._has_positions = "position_tiles" in layer_layout(design).members
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "advance": In(1),
                "last_position": Out(1),
                "last_tile": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Counted from 1, so that the last one is told by comparing with the register itself.
        position, tile, group = Signal(16, init=1), Signal(16, init=1), Signal(16, init=1)
        last_group = Signal()
        m.d.comb += [
            self.last_position.eq(
                position == self.registers.position_tiles if self._has_positions else 1
            ),
            self.last_tile.eq(tile == self.registers.tiles_per_group),
            last_group.eq(group == self.registers.groups),
            self.last.eq(self.last_position & self.last_tile & last_group),
        ]
        with m.If(self.start):
            m.d.sync += [position.eq(1), tile.eq(1), group.eq(1)]
        with m.Elif(self.advance):
            m.d.sync += position.eq(position + 1)
            with m.If(self.last_position):
                m.d.sync += [position.eq(1), tile.eq(tile + 1)]
                with m.If(self.last_tile):
                    m.d.sync += [tile.eq(1), group.eq(group + 1)]
        return m

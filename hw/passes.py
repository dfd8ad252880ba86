"""The pass counter: position vectors within filter tiles within convolution groups.

Whether a pass is the last of something is known from a register, not from a comparison: most of
what a lane does in a cycle hangs on it.
"""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .registers import layer_layout

__all__ = ["PassCounter", "follows", "last_of"]


def follows(number: Signal, other: Value) -> Value:
    """Return whether ``number + 1 == other``, both of one width, without a carry chain.

    Adding 1 changes the bits from the lowest up to the lowest 0. A bit that changes has a changed
    1 below it, one that does not has none; the lowest changes.
    """
    changed = (number ^ other)[: len(number)]
    return changed == Cat(1, changed & number)[: len(number)]


def last_of(m: Module, count: Value, restart: Value, step: Value, name: str) -> Signal:
    """Count steps from 1 to ``count``, again and again; return whether it stands at the last one.

    Parameters
    ----------
    m : Module
        Where the counter goes.
    count : Value
        How many; it does not change from the cycle of a restart on.
    restart, step : Value
        Back to 1; on by one. The restart goes first.
    name : str
    """
    following = Signal(len(count), init=2, name=f"{name}_following")
    last = Signal(name=f"last_{name}")
    with m.If(restart | (step & last)):
        m.d.sync += [following.eq(2), last.eq(count == 1)]
    with m.Elif(step):
        m.d.sync += [following.eq(following + 1), last.eq(following == count)]
    return last


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
        registers = self.registers
        last_position: Value = Signal(init=1)
        if self._has_positions:
            last_position = last_of(
                m, registers.position_tiles, self.start, self.advance, "position"
            )
        tile_ends = self.advance & last_position
        last_tile = last_of(m, registers.tiles_per_group, self.start, tile_ends, "tile")
        group_ends = tile_ends & last_tile
        last_group = last_of(m, registers.groups, self.start, group_ends, "group")
        m.d.comb += [
            self.last_position.eq(last_position),
            self.last_tile.eq(last_tile),
            self.last.eq(last_position & last_tile & last_group),
        ]
        return m

"""An accelerator behind few pins, so that it can be placed on an FPGA by itself.

The ports of an accelerator are far wider than a package. Here they are a frame: shift registers in
and out, ``NARROW_PINS`` bits per cycle each. Everything the accelerator can do can be done through
them, and every output is seen, so that nothing of it can be optimized away. In all cycles but those
with ``step``, inputs of one bit (valid, ready, write) are 0, so that a frame half shifted does
nothing. A register on either side keeps the way to the pins out of the accelerator's cycle.

The frame holds the bits of all inputs, in the order of the accelerator's members, the first
member's lowest bit first; the same for the outputs.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["NARROW_PINS", "Narrow"]

NARROW_PINS = 8
"""Data pins of each direction."""


class Narrow(wiring.Component):
    """A component whose ports are shifted in and out.

    Parameters
    ----------
    inner : wiring.Component
        Its members must be plain signals, as those of ``hw.top.Accelerator`` are.

    Members
    -------
    shift : Signal, in
        Both frames move by ``NARROW_PINS`` bits: ``sent`` enters on top of the frame of inputs,
        the lowest bits of the frame of outputs leave by ``received``.
    step : Signal, in
        For one cycle, two cycles later, the inputs of one bit count, and the outputs are kept.
    sent : Signal, in
    received : Signal, out
    """

    def __init__(self, inner: wiring.Component) -> None:
        self._inner = inner
        super().__init__(
            {
                "shift": In(1),
                "step": In(1),
                "sent": In(NARROW_PINS),
                "received": Out(NARROW_PINS),
            }
        )

    def members(self, flow: Any) -> list[str]:
        """Return the names of the inner component's inputs (``In``) or outputs (``Out``)."""
        return [name for name, member in self._inner.signature.members.items()
                if member.flow == flow]  # fmt: skip

    def beats(self, flow: Any) -> int:
        """Return the shifts that move a whole frame of inputs (``In``) or outputs (``Out``)."""
        return -(-len(self._frame(flow)) // NARROW_PINS)

    def _frame(self, flow: Any) -> Value:
        return Cat(Value.cast(getattr(self._inner, name)) for name in self.members(flow))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = self._inner
        incoming = Signal(NARROW_PINS * self.beats(In))
        outgoing = Signal(NARROW_PINS * self.beats(Out))
        shift, step, sent = Signal(), Signal(), Signal(NARROW_PINS)  # registers beside the pins
        m.d.sync += [shift.eq(self.shift), step.eq(self.step), sent.eq(self.sent)]
        at = 0
        for name in self.members(In):
            port = Value.cast(getattr(self._inner, name))
            given, bits = Signal(len(port), name=f"given_{name}"), incoming[at : at + len(port)]
            m.d.sync += given.eq(bits & step if len(port) == 1 else bits)
            m.d.comb += port.eq(given)
            at += len(port)
        stepped, kept, taken = Signal(), Signal(), Signal(len(self._frame(Out)))
        m.d.sync += [stepped.eq(step), kept.eq(stepped), taken.eq(self._frame(Out))]
        with m.If(shift):
            m.d.sync += [
                incoming.eq(Cat(incoming[NARROW_PINS:], sent)),
                outgoing.eq(outgoing[NARROW_PINS:]),
            ]
        with m.If(kept):
            m.d.sync += outgoing.eq(taken)
        m.d.comb += self.received.eq(outgoing[:NARROW_PINS])
        return m

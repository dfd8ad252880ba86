"""The ``dram`` environment: memories outside that are slow in a way that can be predicted.

Each of the three streams has a channel of its own. A load begins ``latency_cycles`` after the
accelerator opens the stream, then a beat comes every ``period`` cycles; an output beat is taken,
then none for ``period - 1`` cycles, a new run begins afresh. The period of a stream is its width
over the bandwidth. The simulator has the same as recurrences (``sim.stalled_output``).
"""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..errors import InputError
from .design import Buffers, Design
from .shell import host_members, load_members
from .top import Accelerator

__all__ = ["MAX_CYCLES", "Dram", "DramAccelerator"]

MAX_CYCLES = (1 << 32) - 1
"""Most that a counter of the RTL holds: a wait beyond it could not be told."""


@dataclass(frozen=True)
class Dram:
    """An outside memory.

    Attributes
    ----------
    bandwidth_bits : int
        Bits per cycle of each channel.
    latency_cycles : int
        Cycles from the opening of a load stream to its first beat.

    Raises
    ------
    InputError
        If the bandwidth is below 1, the latency negative, or either beyond ``MAX_CYCLES``.
    """

    bandwidth_bits: int
    latency_cycles: int

    def __post_init__(self) -> None:
        if not 1 <= self.bandwidth_bits <= MAX_CYCLES:
            raise InputError(
                f"dram.bandwidth_bits must be between 1 and {MAX_CYCLES} bits per cycle, not"
                f" {self.bandwidth_bits}"
            )
        if not 0 <= self.latency_cycles <= MAX_CYCLES:
            raise InputError(
                f"dram.latency_cycles must be between 0 and {MAX_CYCLES}, not {self.latency_cycles}"
            )

    def load_period(self, design: Design) -> int:
        """Cycles per beat of a load stream."""
        return -(-design.bus_bits // self.bandwidth_bits)

    def output_period(self, design: Design) -> int:
        """Cycles per beat of the output stream."""
        return -(-design.beat_bits // self.bandwidth_bits)

    def load_cycles(self, beats: int, design: Design) -> int:
        """Cycles from the one in which a stream opens to the one after its last beat."""
        return self.latency_cycles + (beats - 1) * self.load_period(design) + 1


class _Source(wiring.Component):
    """Lets beats of a load stream pass at the pace of the channel.

    Members
    -------
    offered, taken : Signal
        The host has a beat; the accelerator is open.
    valid : Signal, out
        A beat passes in this cycle if ``taken``.
    """

    def __init__(self, latency_cycles: int, period: int) -> None:
        self._latency = latency_cycles
        self._period = period
        super().__init__({"offered": In(1), "open": In(1), "valid": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal(range(max(2, self._latency + 1, self._period)), init=self._latency)
        m.d.comb += self.valid.eq(self.offered & (left == 0))
        with m.If(~(self.offered & self.open)):
            m.d.sync += left.eq(self._latency)
        with m.Elif(left == 0):
            m.d.sync += left.eq(self._period - 1)
        with m.Else():
            m.d.sync += left.eq(left - 1)
        return m


class _Sink(wiring.Component):
    """Takes output beats at the pace of the channel.

    Members
    -------
    valid, last : Signal, in
    ready : Signal, out
    """

    def __init__(self, period: int) -> None:
        self._period = period
        super().__init__({"valid": In(1), "last": In(1), "ready": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal(range(max(2, self._period)))
        m.d.comb += self.ready.eq(left == 0)
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Elif(self.valid):
            m.d.sync += left.eq(self._period - 1)
            with m.If(self.last):
                m.d.sync += left.eq(0)
        return m


class DramAccelerator(wiring.Component):
    """An accelerator whose streams go through the channels of an outside memory.

    It has the ports of ``hw.top.Accelerator``; the host at them must always offer and always take.
    """

    def __init__(self, design: Design, buffers: Buffers, dram: Dram) -> None:
        self._inner = Accelerator(design, buffers)
        self._dram = dram
        self._design = design
        super().__init__(dict(self._inner.signature.members))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, dram, inner = self._design, self._dram, self._inner
        m.submodules.accelerator = inner
        through = {f"s_axis_{stream}_{name}" for stream in ("weights", "features")
                   for name in ("tvalid", "tready")}  # fmt: skip
        members: dict[str, Any] = load_members(design) | host_members()
        for name, member in members.items():
            if name not in through:
                self._join(m, name, member)
        for stream in ("weights", "features"):
            source = _Source(dram.latency_cycles, dram.load_period(design))
            m.submodules[f"{stream}_channel"] = source
            valid, ready = f"s_axis_{stream}_tvalid", f"s_axis_{stream}_tready"
            m.d.comb += [
                source.offered.eq(getattr(self, valid)),
                source.open.eq(getattr(inner, ready)),
                getattr(inner, valid).eq(source.valid),
                getattr(self, ready).eq(getattr(inner, ready) & source.valid),
            ]
        m.submodules.output_channel = sink = _Sink(dram.output_period(design))
        m.d.comb += [
            sink.valid.eq(inner.m_axis_tvalid),
            sink.last.eq(inner.m_axis_tlast),
            inner.m_axis_tready.eq(sink.ready & self.m_axis_tready),
            self.m_axis_tvalid.eq(inner.m_axis_tvalid & sink.ready),
            self.m_axis_tdata.eq(inner.m_axis_tdata),
            self.m_axis_tlast.eq(inner.m_axis_tlast),
        ]
        return m

    def _join(self, m: Module, name: str, member: wiring.Member) -> None:
        port, inner = getattr(self, name), getattr(self._inner, name)
        m.d.comb += inner.eq(port) if member.flow == In else port.eq(inner)

"""The buffers of an accelerator: memories that a load stream fills and the array reads.

With two buffer sets every memory is there twice: a run reads one while the loader fills the other,
and the swap at the start of a run exchanges them (ping-pong).
"""

from typing import Any

from amaranth.hdl import Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .design import Design
from .loader import FEATURE_KINDS, MemoryKind
from .shell import Shell

__all__ = ["Buffer", "Store"]


class Buffer(wiring.Component):
    """One memory, in as many sets as the design has.

    Members
    -------
    using : Signal, in
        Set that is read; the other one is written (one set: both are the same).
    write_address, write_data, write_enable : in
    address, enable : in; data : out
        ``data`` follows ``address`` by one cycle and is held while ``enable`` is low.
    """

    def __init__(self, sets: int, shape: Any, depth: int) -> None:
        self._memories = [Memory(shape=shape, depth=depth, init=[]) for _ in range(sets)]
        address = range(max(2, depth))
        super().__init__(
            {
                "using": In(1),
                "write_address": In(address),
                "write_data": In(shape),
                "write_enable": In(1),
                "address": In(address),
                "enable": In(1),
                "data": Out(shape),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        reads = []
        for number, memory in enumerate(self._memories):
            m.submodules[f"set_{number}"] = memory
            write, read = memory.write_port(), memory.read_port()
            filled = self.using != number if len(self._memories) == 2 else 1
            m.d.comb += [
                write.addr.eq(self.write_address),
                write.data.eq(self.write_data),
                write.en.eq(self.write_enable & filled),
                read.addr.eq(self.address),
                read.en.eq(self.enable),
            ]
            reads.append(read.data)
        chosen = Mux(self.using, reads[-1], reads[0]) if len(reads) == 2 else reads[0]
        m.d.comb += Value.cast(self.data).eq(chosen)
        return m


class Store:
    """Makes buffers in a module and connects their loading.

    Parameters
    ----------
    m : Module
        Where the buffers go.
    design : Design
    shell : Shell
        Writes the buffers and says which set is in use.
    """

    def __init__(self, m: Module, design: Design, shell: Shell) -> None:
        self._m = m
        self._sets = design.buffer_sets
        weights = (shell.weight_write, shell.using_weights)
        features = (shell.feature_write, shell.using_features)
        self._sources = {
            kind: features if kind in FEATURE_KINDS else weights for kind in MemoryKind
        }

    def buffer(
        self, name: str, kind: MemoryKind, unit: int, shape: Any, depth: int, low: int = 0
    ) -> Buffer:
        """Return a buffer that is filled from bit ``low`` on of the beats of a unit."""
        buffer, write = self._made(name, kind, shape, depth)
        bits = len(Value.cast(buffer.write_data))
        self._m.d.comb += [
            buffer.write_address.eq(write.address),
            Value.cast(buffer.write_data).eq(write.data[low : low + bits]),
            buffer.write_enable.eq(write.enable & (write.memory == kind) & (write.unit == unit)),
        ]
        return buffer

    def half_bank(self, name: str, unit: int, half: int, shape: Any, depth: int) -> Buffer:
        """Return the even (0) or odd (1) half of a channel bank: every other beat of its unit."""
        buffer, write = self._made(name, MemoryKind.FEATURES, shape, depth)
        bits = len(Value.cast(buffer.write_data))
        self._m.d.comb += [
            buffer.write_address.eq(write.address >> 1),
            Value.cast(buffer.write_data).eq(write.data[:bits]),
            buffer.write_enable.eq(
                write.enable
                & (write.memory == MemoryKind.FEATURES)
                & (write.unit == unit)
                & (write.address[0] == half)
            ),
        ]
        return buffer

    def _made(self, name: str, kind: MemoryKind, shape: Any, depth: int) -> tuple[Buffer, Any]:
        write, using = self._sources[kind]
        buffer = Buffer(self._sets, shape, depth)
        self._m.submodules[name] = buffer
        self._m.d.comb += buffer.using.eq(using)
        return buffer, write

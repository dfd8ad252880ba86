"""The accelerator: register window, load stream, memories, array, output stage, counters.

A layer runs in three steps: the host fills the memories over ``s_axis`` and writes the layer
registers, writes 1 to CONTROL, and takes the output beats from ``m_axis``; the last has ``tlast``.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory as Ram
from amaranth.lib.wiring import In, Out

from .counters import Counters, dense_causes, sparse_causes
from .dense_array import DenseArray
from .design import Buffers, Design
from .feeder import address_layout
from .fetch import index_word
from .loader import Loader, MemoryKind
from .memories import lanes_per_beat
from .registers import CONTROL, COUNTER_BASE, COUNTERS, LAYER_BASE, STATUS, layer_layout
from .requantize import OutputStage, filter_layout
from .sparse_array import SparseArray

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """A whole accelerator with AXI4-Stream ports and a register window.

    Members
    -------
    s_axis_* : AXI4-Stream, in
        Load stream (``hw.loader``).
    m_axis_* : AXI4-Stream, out
        Output beats (``hw.requantize.beat_layout``); ``tlast`` ends the layer.
    reg_address, reg_write, reg_write_data, reg_read_data
        Register window (``hw.registers``), 32-bit words; reads follow the address by a cycle.
    done : Signal, out
        The layer has ended; stays up until the next start.
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self.design = design
        self.buffers = buffers
        beat_bits = design.drain * design.beat_columns * design.act_bits
        super().__init__(
            {
                "s_axis_tdata": In(design.bus_bits),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "m_axis_tdata": Out(beat_bits),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "reg_address": In(8),
                "reg_write": In(1),
                "reg_write_data": In(32),
                "reg_read_data": Out(32),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, buffers = self.design, self.buffers
        m.submodules.loader = loader = Loader(design)
        m.submodules.output = output = OutputStage(design, buffers.filter_words)
        m.submodules.counters = counters = Counters(design)
        registers, start = self._register_window(m, counters)
        m.d.comb += [
            loader.load.payload.eq(self.s_axis_tdata),
            loader.load.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(loader.load.ready),
            self.m_axis_tdata.eq(output.beat.payload.lanes),
            self.m_axis_tlast.eq(output.beat.payload.last),
            self.m_axis_tvalid.eq(output.beat.valid),
            output.beat.ready.eq(self.m_axis_tready),
            output.registers.eq(registers),
            output.start.eq(start),
            counters.loaded.eq(self.s_axis_tvalid & self.s_axis_tready),
        ]
        array: Any
        if design.family == "dense":
            m.submodules.array = array = DenseArray(design, buffers)
            dense_causes(m, array, design, counters)
            m.d.comb += array.finished.eq(output.finished)
            self._dense_weights(m, loader, array)
        else:
            m.submodules.array = array = SparseArray(design, buffers)
            sparse_causes(m, array, design, counters)
            self._lane_memories(m, loader, array)
        m.d.comb += [
            array.registers.eq(registers),
            array.start.eq(start),
            array.take.eq(output.take),
            output.ready.eq(array.ready),
            output.sums.eq(array.sums),
        ]
        self._shared_memories(m, loader, array, output)
        return m

    def _register_window(self, m: Module, counters: Counters) -> tuple[data.View, Signal]:
        """Hold the layer registers, start and end the layer, read status and counters."""
        layout = layer_layout(self.design)
        registers = Signal(layout)
        running, start, sent = Signal(), Signal(), Signal()
        m.d.comb += [
            start.eq(
                self.reg_write & (self.reg_address == CONTROL) & self.reg_write_data[0] & ~running
            ),
            sent.eq(self.m_axis_tvalid & self.m_axis_tready),
            counters.start.eq(start),
            counters.running.eq(running),
            counters.sent.eq(sent),
        ]
        with m.If(sent & self.m_axis_tlast):
            m.d.sync += [running.eq(0), self.done.eq(1)]
        with m.If(start):
            m.d.sync += [running.eq(1), self.done.eq(0)]
        with m.Switch(self.reg_address):
            with m.Case(STATUS):
                m.d.sync += self.reg_read_data.eq(Cat(running, self.done))
            for i, name in enumerate(layout.members):
                with m.Case(LAYER_BASE + i):
                    m.d.sync += self.reg_read_data.eq(registers[name])
                    with m.If(self.reg_write):
                        m.d.sync += registers[name].eq(self.reg_write_data)
            for i, name in enumerate(COUNTERS):
                value = counters.values[name]
                with m.Case(COUNTER_BASE + 2 * i):
                    m.d.sync += self.reg_read_data.eq(value[:32])
                with m.Case(COUNTER_BASE + 2 * i + 1):
                    m.d.sync += self.reg_read_data.eq(value[32:])
        return registers, start

    def _ram(self, m: Module, name: str, shape: Any, depth: int) -> tuple[Any, Any]:
        """Add a memory with one write and one read port."""
        ram = Ram(shape=shape, depth=depth, init=[])
        m.submodules[name] = ram
        return ram.write_port(), ram.read_port()

    def _shared_memories(self, m: Module, loader: Loader, array: Any, output: OutputStage) -> None:
        """Taps, channel banks and filter words: the same in both families."""
        design, buffers = self.design, self.buffers
        write, read = self._ram(
            m, "taps", address_layout(design, buffers.feature_words), buffers.tap_words
        )
        self._connect_write(m, loader, write, MemoryKind.TAPS, 0, 0)
        m.d.comb += [
            read.addr.eq(array.tap_address),
            read.en.eq(array.tap_enable),
            array.tap_data.eq(read.data),
        ]
        for unit in range(design.drain):
            write, read = self._ram(m, f"filters_{unit}", filter_layout(design),
                                    buffers.filter_words)  # fmt: skip
            self._connect_write(m, loader, write, MemoryKind.FILTERS, unit, 0)
            m.d.comb += [
                read.addr.eq(output.filter_address),
                read.en.eq(output.filter_enable),
                output.filter_data[unit].eq(read.data),
            ]
        for bank in range(design.feed):
            for half in range(2):
                shape = array.bank_data[bank][half].shape()
                write, read = self._ram(
                    m, f"features_{bank}_{half}", shape, -(-buffers.feature_words // 2)
                )
                self._connect_write(m, loader, write, MemoryKind.FEATURES, bank, 0)
                m.d.comb += [
                    write.addr.eq(loader.address >> 1),
                    write.en.eq(
                        loader.write
                        & (loader.memory == MemoryKind.FEATURES)
                        & (loader.unit == bank)
                        & (loader.address[0] == half)
                    ),
                    read.addr.eq(array.bank_addresses[half]),
                    read.en.eq(array.bank_enable),
                    array.bank_data[bank][half].eq(read.data),
                ]

    def _lane_memories(self, m: Module, loader: Loader, array: SparseArray) -> None:
        """Index words and weights of each sparse lane."""
        design, buffers = self.design, self.buffers
        index = index_word(design)
        for lane in range(design.lanes):
            per_beat = lanes_per_beat(design, index.size)
            write, read = self._ram(m, f"index_{lane}", index, max(1, buffers.index_words))
            self._connect_write(
                m, loader, write, MemoryKind.INDEX, lane // per_beat, lane % per_beat * index.size
            )
            m.d.comb += [
                read.addr.eq(array.index_address[lane]),
                read.en.eq(array.index_enable[lane]),
                array.index_data[lane].eq(read.data),
            ]
            per_beat = lanes_per_beat(design, design.weight_bits)
            shape = array.weight_data[lane].shape()
            write, read = self._ram(m, f"weights_{lane}", shape, buffers.weight_words)
            self._connect_write(
                m, loader, write, MemoryKind.WEIGHTS, lane // per_beat,
                lane % per_beat * design.weight_bits,
            )  # fmt: skip
            m.d.comb += [
                read.addr.eq(array.weight_address[lane]),
                read.en.eq(array.weight_enable[lane]),
                array.weight_data[lane].eq(read.data),
            ]

    def _dense_weights(self, m: Module, loader: Loader, array: DenseArray) -> None:
        """Weights of the dense lanes: one memory for the lanes that one load beat fills."""
        design, buffers = self.design, self.buffers
        per_beat = lanes_per_beat(design, design.weight_bits)
        for group in range(-(-design.lanes // per_beat)):
            members = min(per_beat, design.lanes - group * per_beat)
            write, read = self._ram(
                m, f"weights_{group}", members * design.weight_bits, buffers.weight_words
            )
            self._connect_write(m, loader, write, MemoryKind.WEIGHTS, group, 0)
            m.d.comb += [
                read.addr.eq(array.weight_address),
                read.en.eq(array.weight_enable),
            ]
            for i in range(members):
                bits = design.weight_bits
                m.d.comb += array.weight_data[group * per_beat + i].eq(
                    read.data[i * bits : (i + 1) * bits].as_signed()
                )

    def _connect_write(
        self, m: Module, loader: Loader, port: Any, memory: MemoryKind, unit: int, low: int
    ) -> None:
        """Write a member's bits of a beat when its unit of this memory is loaded."""
        bits = len(Value.cast(port.data))
        m.d.comb += [
            port.addr.eq(loader.address),
            port.data.eq(loader.data[low : low + bits]),
            port.en.eq(loader.write & (loader.memory == memory) & (loader.unit == unit)),
        ]

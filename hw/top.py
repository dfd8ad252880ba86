"""The accelerator: control unit, load streams, buffers, array, output stage, counters.

A run works off one layer, or a part of one: the host fills the buffers over ``s_axis_weights`` and
``s_axis_features``, writes the layer registers, writes *start* to CONTROL, and takes the output
beats from ``m_axis``; the last has ``tlast``. With two buffer sets it may do all but the last while
the run before goes on.
"""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .counters import told_members
from .dense_array import DenseArray
from .design import Buffers, Design
from .eie_array import EieArray, connect_memories
from .feeder import address_layout
from .fetch import index_word
from .loader import MemoryKind
from .memories import lanes_per_beat
from .port_array import PortArray, port_memories
from .requantize import OutputStage, filter_layout
from .shared import SharedModules, check_writable
from .shell import Shell, host_members, load_members
from .sparse_array import SparseArray
from .store import Store

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """A whole accelerator with AXI4-Stream ports and a register window.

    Members
    -------
    s_axis_weights_*, s_axis_features_* : AXI4-Stream, in
        Load streams (``hw.loader``).
    m_axis_* : AXI4-Stream, out
        Output beats (``hw.requantize.beat_layout``); ``tlast`` ends the run.
    reg_address, reg_write, reg_write_data, reg_read_data
        Register window (``hw.registers``), 32-bit words; reads follow the address by a cycle.
    done : Signal, out
        A run has ended; stays up until the next start is written, or it is cleared.
    error : Signal, out
        Something was wrong (``hw.registers.ErrorCode``).
    irq : Signal, out
        ``done`` or ``error``, as far as they are enabled.
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self.design = design
        self.buffers = buffers
        super().__init__(
            load_members(design)
            | host_members()
            | {
                "m_axis_tdata": Out(design.beat_bits),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        design, buffers = self.design, self.buffers
        if isinstance(platform, SharedModules):
            check_writable(design)
        m = Module()
        m.submodules.shell = shell = Shell(design, buffers)
        m.submodules.output = output = OutputStage(design, buffers.filter_words)
        store = Store(m, design, shell)
        array: Any
        if design.family == "dense":
            m.submodules.array = array = DenseArray(design, buffers)
            m.d.comb += array.finished.eq(output.finished)
            _dense_weights(m, store, array, design, buffers)
            _feed_memories(m, store, array, design, buffers)
        elif design.family == "eie":
            m.submodules.array = array = EieArray(design, buffers)
            m.d.comb += array.finished.eq(output.finished)
            connect_memories(m, store, array, design, buffers)
        elif design.delivery == "port":
            m.submodules.array = array = PortArray(design, buffers)
            _lane_memories(m, store, array, design, buffers)
            port_memories(m, store, array, design, buffers)
        else:
            m.submodules.array = array = SparseArray(design, buffers)
            _lane_memories(m, store, array, design, buffers)
            _feed_memories(m, store, array, design, buffers)
        _filter_memories(m, store, output, design, buffers)
        m.d.comb += [getattr(shell, name).eq(getattr(array, name)) for name in told_members(design)]
        m.d.comb += [
            array.registers.eq(shell.registers),
            array.start.eq(shell.start),
            array.take.eq(output.take),
            output.registers.eq(shell.registers),
            output.start.eq(shell.start),
            output.ready.eq(array.ready),
            output.sums.eq(array.sums),
        ]
        for name, member in (load_members(design) | host_members()).items():
            port, inner = getattr(self, name), getattr(shell, name)
            m.d.comb += inner.eq(port) if member.flow == In else port.eq(inner)
        m.d.comb += [
            shell.beat_valid.eq(output.beat.valid),
            shell.beat_last.eq(output.beat.payload.last),
            output.beat.ready.eq(shell.beat_ready),
            self.m_axis_tdata.eq(output.beat.payload.lanes),
            self.m_axis_tlast.eq(output.beat.payload.last),
            self.m_axis_tvalid.eq(shell.m_axis_tvalid),
            shell.m_axis_tready.eq(self.m_axis_tready),
        ]
        return m


def _feed_memories(m: Module, store: Store, array: Any, design: Design, buffers: Buffers) -> None:
    """Address offsets and channel banks, the same in both families."""
    offsets = store.buffer(
        "offsets", MemoryKind.OFFSETS, 0, address_layout(design, buffers.feature_words),
        buffers.offset_words,
    )  # fmt: skip
    m.d.comb += [
        offsets.address.eq(array.offset_address),
        offsets.enable.eq(array.offset_enable),
        array.offset_data.eq(offsets.data),
    ]
    for bank in range(design.feed):
        for half in range(2):
            data = array.bank_data[bank][half]
            rows = -(-buffers.feature_words // 2)
            memory = store.half_bank(f"features_{bank}_{half}", bank, half, data.shape(), rows)
            m.d.comb += [
                memory.address.eq(array.bank_addresses[half]),
                memory.enable.eq(array.bank_enable),
                data.eq(memory.data),
            ]


def _filter_memories(
    m: Module, store: Store, output: OutputStage, design: Design, buffers: Buffers
) -> None:
    """Bias and requantization, one memory for each drain unit."""
    for unit in range(design.drain):
        filters = store.buffer(
            f"filters_{unit}", MemoryKind.FILTERS, unit, filter_layout(design),
            buffers.filter_words,
        )  # fmt: skip
        m.d.comb += [
            filters.address.eq(output.filter_address),
            filters.enable.eq(output.filter_enable),
            output.filter_data[unit].eq(filters.data),
        ]


def _lane_memories(
    m: Module, store: Store, array: SparseArray | PortArray, design: Design, buffers: Buffers
) -> None:
    """Index words and weights of each sparse lane."""
    word, weight_bits = index_word(design), design.simd_group * design.weight_bits
    for lane in range(design.streams):
        unit, place = divmod(lane, lanes_per_beat(design, word.size))
        index = store.buffer(
            f"index_{lane}", MemoryKind.INDEX, unit, word, max(1, buffers.index_words),
            place * word.size,
        )  # fmt: skip
        unit, place = divmod(lane, lanes_per_beat(design, weight_bits))
        weights = store.buffer(
            f"weights_{lane}", MemoryKind.WEIGHTS, unit, array.weight_data[lane].shape(),
            buffers.weight_words, place * weight_bits,
        )  # fmt: skip
        m.d.comb += [
            index.address.eq(array.index_address[lane]),
            index.enable.eq(array.index_enable[lane]),
            array.index_data[lane].eq(index.data),
            weights.address.eq(array.weight_address[lane]),
            weights.enable.eq(array.weight_enable[lane]),
            array.weight_data[lane].eq(weights.data),
        ]


def _dense_weights(
    m: Module, store: Store, array: DenseArray, design: Design, buffers: Buffers
) -> None:
    """Weights of the dense lanes: one memory for the lanes that one load beat fills."""
    bits, per_beat = design.weight_word_bits, lanes_per_beat(design, design.weight_word_bits)
    for unit in range(-(-design.lanes // per_beat)):
        members = min(per_beat, design.lanes - unit * per_beat)
        weights = store.buffer(
            f"weights_{unit}", MemoryKind.WEIGHTS, unit, members * bits, buffers.weight_words
        )
        m.d.comb += [
            weights.address.eq(array.weight_address),
            weights.enable.eq(array.weight_enable),
        ]
        for i in range(members):
            m.d.comb += array.weight_data[unit * per_beat + i].eq(
                weights.data[i * bits : (i + 1) * bits]
            )

"""The EIE array: a scanner that broadcasts non-zero activations, and the PEs that use them.

For FC layers, after Han et al., EIE (ISCA 2016): the filters are dealt to scalar PEs, each of which
stores its part of every weight column. Only non-zero weights meet only non-zero activations.
"""

from functools import partial

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import CLUSTER_LANES, Buffers, Design, broadcast_stages
from .eie_pe import EiePe
from .eie_scanner import EieScanner
from .eie_words import address_bits, entry_layout, item_layout, pointer_layout
from .front import LaneState
from .loader import MemoryKind
from .memories import lanes_per_beat
from .registers import layer_layout
from .shared import add_equal
from .store import Store
from .tree import broadcast

__all__ = ["EieArray", "connect_memories"]


class EieArray(wiring.Component):
    """Scanner, broadcast and PEs; the memories are outside.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
    feature_address, feature_enable, feature_data : memory read port of the activations
    pointer_address : array of lanes addresses, out
        The same for all PEs (a copy per broadcast cluster).
    pointer_data : array of lanes pointers, in
    entry_address, entry_enable, entry_data : arrays of lanes memory read ports of the entries
    finished : Signal, in
        The output stage takes the last group of a row.
    take, ready : Signal(lanes)
    sums : array of lanes arrays of 1 signed(acc_bits), out
    states : array of LaneState, out
        What each PE did in the cycle before.
    fed_any : Signal, out
        In the cycle before, the first scan had begun to arrive.
    feeder_waits : Signal, out
        Never: there are no windows.
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self._design = design
        self._buffers = buffers
        lanes = design.lanes
        activations = data.ArrayLayout(signed(design.act_bits), design.feed)
        pointer, entry = pointer_layout(buffers.weight_words), entry_layout(design)
        sums = data.ArrayLayout(signed(design.acc_bits), 1)
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "feature_address": Out(address_bits(buffers.feature_words)),
                "feature_enable": Out(1),
                "feature_data": In(activations),
                "pointer_address": Out(data.ArrayLayout(address_bits(buffers.index_words), lanes)),
                "pointer_data": In(data.ArrayLayout(pointer, lanes)),
                "entry_address": Out(data.ArrayLayout(address_bits(buffers.weight_words), lanes)),
                "entry_enable": Out(lanes),
                "entry_data": In(data.ArrayLayout(entry, lanes)),
                "finished": In(1),
                "take": In(lanes),
                "ready": Out(lanes),
                "sums": Out(data.ArrayLayout(sums, lanes)),
                "states": Out(data.ArrayLayout(LaneState, lanes)),
                "fed_any": Out(1),
                "feeder_waits": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, buffers = self._design, self._buffers
        m.submodules.scanner = scanner = EieScanner(
            design, buffers.feature_words, buffers.index_words
        )
        item = Signal(item_layout(design, buffers.index_words))
        m.d.comb += [
            scanner.registers.eq(self.registers),
            scanner.start.eq(self.start),
            scanner.finished.eq(self.finished),
            self.feature_address.eq(scanner.address),
            self.feature_enable.eq(scanner.enable),
            scanner.data.eq(self.feature_data),
            item.eq(scanner.item),
        ]
        with m.If(self.start):  # nothing of a run that was ended is on its way
            m.d.comb += [item.valid.eq(0), item.first.eq(0), item.last.eq(0)]
        items = broadcast(m, item, design.lanes, "item")
        room = []
        for index in range(design.lanes):
            make = partial(EiePe, design, buffers.index_words, buffers.weight_words)
            pe = add_equal(m, f"pe_{index}", "pe", make, platform)
            own = items[index // CLUSTER_LANES if len(items) > 1 else 0]
            m.d.comb += [
                pe.registers.eq(self.registers),
                pe.start.eq(self.start),
                pe.item.eq(own),
                self.pointer_address[index].eq(own.pointer),
                pe.pointer_data.eq(self.pointer_data[index]),
                self.entry_address[index].eq(pe.entry_address),
                self.entry_enable[index].eq(pe.entry_enable),
                pe.entry_data.eq(self.entry_data[index]),
                pe.take.eq(self.take[index]),
                self.ready[index].eq(pe.ready),
                self.sums[index][0].eq(pe.sums),
                self.states[index].eq(pe.state),
            ]
            room.append(pe.room)
        m.d.comb += scanner.room.eq(self._all(m, room))
        self._tell(m, items[0].first)
        return m

    def _all(self, m: Module, flags: list[Signal]) -> Signal:
        """Return whether all PEs have room: a tree like that of the broadcast, the other way."""
        for stage in range(broadcast_stages(self._design.lanes)):
            merged = []
            for low in range(0, len(flags), CLUSTER_LANES):
                flag = Signal(name=f"room_{stage}_{low}")
                m.d.sync += flag.eq(Cat(*flags[low : low + CLUSTER_LANES]).all())
                merged.append(flag)
            flags = merged
        everywhere = Signal()
        m.d.comb += everywhere.eq(Cat(*flags).all())
        return everywhere

    def _tell(self, m: Module, first: Signal) -> None:
        """Tell the counters from when on there can be work."""
        arrived, begun = Signal(), Signal()
        m.d.sync += [arrived.eq(first & ~self.start), self.fed_any.eq(begun)]
        with m.If(arrived):
            m.d.sync += begun.eq(1)
        with m.If(self.start):
            m.d.sync += begun.eq(0)


def connect_memories(
    m: Module, store: Store, array: EieArray, design: Design, buffers: Buffers
) -> None:
    """Make the memories of activations, column pointers and entries.

    All PEs read the same pointer address, so those that one load beat fills share a memory.
    """
    features = store.buffer(
        "features", MemoryKind.FEATURES, 0, array.feature_data.shape(), buffers.feature_words
    )
    m.d.comb += [
        features.address.eq(array.feature_address),
        features.enable.eq(array.feature_enable),
        array.feature_data.eq(features.data),
    ]
    pointer, entry = pointer_layout(buffers.weight_words), entry_layout(design)
    per_beat = lanes_per_beat(design, pointer.size)
    for unit, low in enumerate(range(0, design.lanes, per_beat)):
        members = range(low, min(low + per_beat, design.lanes))
        shared = store.buffer(
            f"pointers_{unit}", MemoryKind.INDEX, unit, data.ArrayLayout(pointer, len(members)),
            buffers.index_words,
        )  # fmt: skip
        m.d.comb += [shared.address.eq(array.pointer_address[low]), shared.enable.eq(1)]
        m.d.comb += [array.pointer_data[pe].eq(shared.data[pe - low]) for pe in members]
    for pe in range(design.lanes):
        unit, place = divmod(pe, lanes_per_beat(design, entry.size))
        own = store.buffer(
            f"entries_{pe}", MemoryKind.WEIGHTS, unit, entry, buffers.weight_words,
            place * entry.size,
        )  # fmt: skip
        m.d.comb += [
            own.address.eq(array.entry_address[pe]),
            own.enable.eq(array.entry_enable[pe]),
            array.entry_data[pe].eq(own.data),
        ]

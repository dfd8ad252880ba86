"""The output stage: visits the lanes, adds the bias, requantizes, clamps, and sends beats.

One multiplier column per output position of a beat. Stages after a group is begun: M cycles to
pick the lane's sums (one per 16-fold multiplexer), then bias, partial products, product, shift,
round and zero point, clamp. When the output stream is not ready, the whole stage holds.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..models.layer import MULTIPLIER_BITS, SHIFT_BITS
from .design import CLUSTER_LANES, Design
from .passes import PassCounter
from .registers import layer_layout

__all__ = ["OutputStage", "beat_layout", "filter_layout"]


def filter_layout(design: Design) -> data.StructLayout:
    """Return the layout of a filter's bias and requantization; ``halvings`` is shift - 1."""
    return data.StructLayout(
        {
            "bias": signed(design.acc_bits),
            "multiplier": unsigned(MULTIPLIER_BITS),
            "halvings": unsigned(SHIFT_BITS),
        }
    )


def beat_layout(design: Design) -> data.StructLayout:
    """Return the layout of an output beat: columns of ``drain`` lanes, and the layer's end."""
    columns = data.ArrayLayout(signed(design.act_bits), design.beat_columns)
    return data.StructLayout({"lanes": data.ArrayLayout(columns, design.drain), "last": 1})


class OutputStage(wiring.Component):
    """Drains finished sums in lane order and requantizes them.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
    ready : Signal(lanes), in
        Lanes whose ``sums`` are finished.
    take : Signal(lanes), out
        Lanes whose sums have been read.
    sums : array of lanes arrays of V signed(acc_bits), in
    filter_address, filter_enable, filter_data : memory read ports, one per drain unit
    beat : stream of beat_layout, out
    finished : Signal, out
        The last group of a pass is taken.
    """

    def __init__(self, design: Design, filter_words: int) -> None:
        self._design = design
        sums = data.ArrayLayout(signed(design.acc_bits), design.vector)
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "ready": In(design.lanes),
                "take": Out(design.lanes),
                "sums": In(data.ArrayLayout(sums, design.lanes)),
                "filter_address": Out(range(max(2, filter_words))),
                "filter_enable": Out(1),
                "filter_data": In(data.ArrayLayout(filter_layout(design), design.drain)),
                "beat": Out(stream.Signature(beat_layout(design))),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        flow = Signal()  # the stage moves on
        m.d.comb += flow.eq(~self.beat.valid | self.beat.ready)
        group, chunk, address, flags = self._visit(m, flow)
        sums, flags = self._pick(m, flow, group, chunk, address, flags)
        self._scale(m, flow, sums, flags)
        return m

    def _visit(self, m: Module, flow: Signal) -> tuple[Signal, Signal, Signal, data.View]:
        """Walk the groups; give each ``drain_cycles`` cycles once all its lanes are ready."""
        design, registers = self._design, self.registers
        m.submodules.passes = passes = PassCounter(design)
        group, chunk = (
            Signal(range(max(2, design.drain_groups))),
            Signal(range(max(2, design.drain_cycles))),
        )
        active, work, end = Signal(), Signal(), Signal()
        address, tile_base = Signal.like(self.filter_address), Signal.like(self.filter_address)
        members = [
            range(g * design.drain, min((g + 1) * design.drain, design.lanes))
            for g in range(design.drain_groups)
        ]
        group_ready = Array([Cat(*(self.ready[lane] for lane in g)).all() for g in members])
        last_group = Signal()
        flags = Signal(data.StructLayout({"send": 1, "last": 1}))
        lanes_below = Signal(range(design.lanes + design.drain + 1))  # lanes of groups so far
        m.d.comb += [
            work.eq(active & flow & group_ready[group]),
            end.eq(work & (chunk == design.drain_cycles - 1)),
            last_group.eq(group == design.drain_groups - 1),
            self.finished.eq(end & last_group),
            passes.registers.eq(registers),
            passes.start.eq(self.start),
            passes.advance.eq(self.finished),
            flags.send.eq(work & (~passes.last_tile | (lanes_below < registers.last_tile_lanes))),
            flags.last.eq(
                end & passes.last & (lanes_below + design.drain >= registers.last_tile_lanes)
            ),
        ]
        for g, lanes in enumerate(members):
            for lane in lanes:
                m.d.comb += self.take[lane].eq(end & (group == g))
        with m.If(work):
            m.d.sync += chunk.eq(chunk + 1)
        with m.If(end):
            m.d.sync += [
                chunk.eq(0),
                group.eq(group + 1),
                address.eq(address + 1),
                lanes_below.eq(lanes_below + design.drain),
            ]
            with m.If(last_group):
                m.d.sync += [group.eq(0), lanes_below.eq(0), address.eq(tile_base)]
                with m.If(passes.last_position):
                    m.d.sync += [address.eq(address + 1), tile_base.eq(address + 1)]
                if design.family == "eie":  # image after image: the filters begin again
                    with m.If(passes.last_tile):
                        m.d.sync += address.eq(0)
                m.d.sync += active.eq(~passes.last)
        with m.If(self.start):
            m.d.sync += [
                active.eq(1),
                group.eq(0),
                chunk.eq(0),
                lanes_below.eq(0),
                address.eq(0),
                tile_base.eq(0),
            ]
        return group, chunk, address, flags

    def _pick(
        self,
        m: Module,
        flow: Signal,
        group: Signal,
        chunk: Signal,
        address: Signal,
        flags: data.View,
    ) -> tuple[list[list[Signal]], data.View]:
        """Multiplex the visited lanes' columns into registers; read their filter words."""
        design = self._design
        picked = [
            [Signal(signed(design.acc_bits), name=f"picked_{u}_{c}")
             for c in range(design.beat_columns)]
            for u in range(design.drain)
        ]  # fmt: skip
        lanes = [
            [
                self.sums[min(g * design.drain + u, design.lanes - 1)]
                for g in range(design.drain_groups)
            ]
            for u in range(design.drain)
        ]
        m.d.comb += self.filter_enable.eq(flow)
        if design.drain_groups > CLUSTER_LANES:
            second, chunk_later = (
                Signal(range(design.drain_groups // CLUSTER_LANES + 1)),
                Signal.like(chunk),
            )
            address_later, flags_later = Signal.like(address), Signal.like(flags)
            with m.If(flow):
                m.d.sync += [
                    second.eq(group // CLUSTER_LANES),
                    chunk_later.eq(chunk),
                    address_later.eq(address),
                    flags_later.eq(flags),
                ]
            with m.If(self.start):  # no beat of a run that was ended
                m.d.sync += flags_later.eq(0)
            for u in range(design.drain):
                halfway = []
                for start in range(0, design.drain_groups, CLUSTER_LANES):
                    some = lanes[u][start : start + CLUSTER_LANES]
                    part = Signal(self.sums.shape().elem_shape, name=f"halfway_{u}_{start}")
                    with m.If(flow):
                        m.d.sync += part.eq(Array([s.as_value() for s in some])[group[:4]])
                    halfway.append(part)
                lanes[u] = halfway
            group, chunk, address, flags = second, chunk_later, address_later, flags_later
        m.d.comb += self.filter_address.eq(address)
        for u in range(design.drain):
            lane = Signal(self.sums.shape().elem_shape, name=f"lane_{u}")
            m.d.comb += lane.eq(Array([s.as_value() for s in lanes[u]])[group])
            for c in range(design.beat_columns):
                column = Array(
                    [lane[i * design.beat_columns + c] for i in range(design.drain_cycles)]
                )
                with m.If(flow):
                    m.d.sync += picked[u][c].eq(column[chunk])
        picked_flags = Signal.like(flags, name="picked_flags")
        with m.If(flow):
            m.d.sync += picked_flags.eq(flags)
        with m.If(self.start):
            m.d.sync += picked_flags.eq(0)
        return picked, picked_flags

    def _scale(self, m: Module, flow: Signal, sums: list[list[Signal]], flags: data.View) -> None:
        """Bias, multiply in two halves, shift, round, add the zero point, clamp."""
        design, registers = self._design, self.registers
        half = MULTIPLIER_BITS // 2
        product_bits = design.acc_bits + MULTIPLIER_BITS + 1
        words = [self.filter_data[u] for u in range(design.drain)]
        multipliers = [w.multiplier for w in words]
        halvings = [w.halvings for w in words]

        def delayed(values: list[Signal], name: str) -> list[Signal]:
            later = [Signal.like(v, name=f"{name}_{u}") for u, v in enumerate(values)]
            with m.If(flow):
                m.d.sync += [b.eq(a) for a, b in zip(values, later, strict=True)]
            return later

        multiplier_now = delayed(multipliers, "multiplier")
        halvings_now = delayed(halvings, "halvings_bias")
        for stage in ("product_halves", "product"):
            halvings_now = delayed(halvings_now, f"halvings_{stage}")
        for u in range(design.drain):
            for c in range(design.beat_columns):
                name = f"{u}_{c}"
                biased = Signal(signed(design.acc_bits), name=f"biased_{name}")
                low = Signal(signed(design.acc_bits + half + 1), name=f"low_{name}")
                high = Signal(signed(design.acc_bits + half + 1), name=f"high_{name}")
                product = Signal(signed(product_bits), name=f"product_{name}")
                shifted = Signal(signed(product_bits), name=f"shifted_{name}")
                rounded = Signal(signed(product_bits), name=f"rounded_{name}")
                clamped = Mux(
                    rounded < registers.low,
                    registers.low,
                    Mux(rounded > registers.high, registers.high, rounded),
                )
                with m.If(flow):
                    m.d.sync += [
                        biased.eq(sums[u][c] + words[u].bias),
                        low.eq(biased * multiplier_now[u][:half]),
                        high.eq(biased * multiplier_now[u][half:]),
                        product.eq(low + (high << half)),
                        shifted.eq(product >> halvings_now[u]),
                        rounded.eq(((shifted + 1) >> 1) + registers.zero_point),
                        self.beat.payload.lanes[u][c].eq(clamped),
                    ]
        for stage in ("bias", "product_halves", "product", "shift", "round"):
            flags_next = Signal.like(flags, name=f"flags_{stage}")
            with m.If(flow):
                m.d.sync += flags_next.eq(flags)
            with m.If(self.start):
                m.d.sync += flags_next.eq(0)
            flags = flags_next
        with m.If(flow):
            m.d.sync += [self.beat.valid.eq(flags.send), self.beat.payload.last.eq(flags.last)]
        with m.If(self.start):
            m.d.sync += self.beat.valid.eq(0)

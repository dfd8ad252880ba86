"""The control unit: register window, start and end of runs, buffer sets, errors, interrupts.

A start waits (``pending``) until what it swaps in has been loaded and the run before has ended.
With two buffer sets the layer registers are there twice as well, so that a host prepares the next
run while the present one goes on. Registers that cannot be right keep a run from starting, and a
cycle limit ends one that would never end, and forgets a start that waits behind it: the accelerator
does not hang.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Buffers, Design
from .register_checks import register_faults
from .registers import (
    CONTROL,
    CONTROL_BITS,
    COUNTER_BASE,
    COUNTER_BITS,
    COUNTERS,
    CYCLE_LIMIT,
    ERROR,
    IDENTITY,
    IRQ_ENABLE,
    LAYER_BASE,
    LONGEST_RUN,
    STATUS,
    STATUS_BITS,
    ErrorCode,
    identity,
    layer_layout,
)

__all__ = ["Control", "out_of_time"]


def out_of_time(m: Module, start: Signal, cycle_limit: Signal) -> Signal:
    """Return whether this is the last allowed cycle of the run that began with ``start``.

    The cycles left are counted in two halves, the borrow between them a cycle later: it is
    there long before the low half comes to an end again.
    """
    left = Signal(32, name="cycles_left")
    low, high = left[:16], left[16:]
    limited, at_once, borrow, found = Signal(), Signal(), Signal(), Signal()
    m.d.sync += [
        limited.eq(cycle_limit != 0),
        at_once.eq(cycle_limit == 1),
        low.eq(low - 1),
        high.eq(high - borrow),
        borrow.eq(low == 0),
        found.eq(limited & (left == 2)),
    ]
    with m.If(start):
        m.d.sync += [left.eq(cycle_limit), borrow.eq(0), found.eq(at_once)]
    return found


class Control(wiring.Component):
    """Holds the registers and decides when a run starts and ends.

    Members
    -------
    address, write, write_data, read_data
        Register window; ``read_data`` follows ``address`` by one cycle.
    registers : layer registers, out
        Of the present run. They do not change from the cycle of ``start`` on to its end.
    start : Signal, out
        The next cycle is cycle 0 of a run.
    running, waiting : Signal, out
        A run goes on; a start waits for a load and nothing runs.
    swaps_weights, swaps_features : Signal, out
        What the run that starts next or has started last swaps in.
    using_weights, using_features : Signal, out
        Buffer set that the present run reads.
    weights_open, features_open : Signal, out
        The load stream may be taken.
    weights_ended, features_ended, wrong_section, cut : Signal, in
        From the loaders.
    ended : Signal, in
        The last output beat is accepted in this cycle.
    abort : Signal, out
        The run ends, and what has been loaded is forgotten.
    clear : Signal, out
        Counters back to 0.
    counters : struct of counters, in
    done, error, irq : Signal, out
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self._design = design
        self._buffers = buffers
        super().__init__(
            {
                "address": In(8),
                "write": In(1),
                "write_data": In(32),
                "read_data": Out(32),
                "registers": Out(layer_layout(design)),
                "start": Out(1),
                "running": Out(1),
                "waiting": Out(1),
                "swaps_weights": Out(1),
                "swaps_features": Out(1),
                "using_weights": Out(1),
                "using_features": Out(1),
                "weights_open": Out(1),
                "features_open": Out(1),
                "weights_ended": In(1),
                "features_ended": In(1),
                "wrong_section": In(1),
                "cut": In(1),
                "ended": In(1),
                "abort": Out(1),
                "clear": Out(1),
                "counters": In(data.StructLayout(dict.fromkeys(COUNTERS, COUNTER_BITS))),
                "done": Out(1),
                "error": Out(1),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        command = Signal(data.StructLayout(dict.fromkeys(CONTROL_BITS, 1)))
        pending, busy = Signal(), Signal()
        swap_weights, swap_features = self.swaps_weights, self.swaps_features
        weights_full, features_full = Signal(), Signal()
        error_code, irq_enable = Signal(ErrorCode), Signal(2)
        cleared = Signal()  # the host clears the error in this cycle
        cycle_limit = Signal(32, init=LONGEST_RUN)
        next_layer = Signal(layer_layout(design))  # registers as the host writes them
        fault = Signal(ErrorCode)
        faultless, goes, over = Signal(init=1), Signal(), Signal()

        with m.If(self.write & (self.address == CONTROL)):
            m.d.comb += command.as_value().eq(self.write_data)
        if design.buffer_sets == 2:
            m.d.comb += busy.eq(pending)
        else:
            m.d.comb += busy.eq(pending | self.running)
        m.d.comb += [
            self.start.eq(goes & faultless),
            self.waiting.eq(pending & ~self.running & ~goes),
            self.clear.eq(command.clear_counters),
            self.abort.eq(command.abort),
            over.eq(self.running & ~self.ended & out_of_time(m, self.start, cycle_limit)),
            self.error.eq(error_code != ErrorCode.NONE),
            self.irq.eq((irq_enable & Cat(self.done, self.error)).any()),
        ]
        found = register_faults(m, next_layer, design, self._buffers)
        m.d.sync += [fault.eq(found), faultless.eq(found == ErrorCode.NONE)]

        # ---- runs ----
        # The whole array hangs on the start. So that it comes from a register, what the state will
        # be says a cycle before that a run goes: it is pending, loaded, and the one before is over.
        taken = command.start & ~busy
        pending_next, running_next, loaded = Signal(), Signal(), Signal()
        m.d.comb += [
            pending_next.eq((pending | taken) & ~goes & ~over & ~command.abort),
            running_next.eq((self.start | (self.running & ~(self.ended | over))) & ~command.abort),
        ]
        m.d.sync += [
            pending.eq(pending_next),
            self.running.eq(running_next),
            goes.eq(pending_next & ~running_next & loaded),
        ]
        with m.If(taken):
            m.d.sync += self.done.eq(0)

        # ---- buffer sets ----
        two = design.buffer_sets == 2
        there = []  # loaded, or not wanted
        for full, ended, swap, wanted, using, is_open in (
            (weights_full, self.weights_ended, swap_weights, command.swap_weights,
             self.using_weights, self.weights_open),
            (features_full, self.features_ended, swap_features, command.swap_features,
             self.using_features, self.features_open),
        ):  # fmt: skip
            # One set: neither while a run reads it, nor before one that waits to read it as it is.
            m.d.comb += is_open.eq(~full if two else ~full & ~self.running & ~(pending & ~swap))
            full_next, swap_next = Signal(), Signal()
            m.d.comb += [
                full_next.eq((full | ended) & ~(self.start & swap) & ~command.abort),
                swap_next.eq(Mux(taken, wanted, swap)),
            ]
            m.d.sync += [full.eq(full_next), swap.eq(swap_next)]
            there.append(full_next | ~swap_next)
            if two:
                with m.If(self.start & swap):
                    m.d.sync += using.eq(~using)
        m.d.comb += loaded.eq(Cat(there).all())

        # ---- registers ----
        if two:
            # Before a run they follow what the host writes. They stand a cycle before it starts,
            # so that the array can decode them into registers of its own.
            with m.If(~self.running | self.ended | over):
                m.d.sync += self.registers.eq(next_layer)
        else:
            m.d.comb += self.registers.eq(next_layer)
        layer_write = Signal()
        m.d.comb += layer_write.eq(
            self.write & (self.address >= LAYER_BASE) & (self.address < COUNTER_BASE)
        )
        status: dict[str, Value] = {
            "busy": pending | self.running, "done": self.done, "error": self.error,
            "pending": pending, "weights_full": weights_full, "features_full": features_full,
        }  # fmt: skip
        m.d.sync += self.read_data.eq(0)  # of an address without a register that can be read
        with m.Switch(self.address):
            with m.Case(STATUS):
                m.d.sync += self.read_data.eq(Cat(status[name] for name in STATUS_BITS))
                with m.If(self.write & self.write_data[STATUS_BITS.index("done")]):
                    m.d.sync += self.done.eq(0)
                m.d.comb += cleared.eq(self.write & self.write_data[STATUS_BITS.index("error")])
            with m.Case(ERROR):
                m.d.sync += self.read_data.eq(error_code)
            with m.Case(IRQ_ENABLE):
                m.d.sync += self.read_data.eq(irq_enable)
                with m.If(self.write):
                    m.d.sync += irq_enable.eq(self.write_data)
            with m.Case(CYCLE_LIMIT):
                m.d.sync += self.read_data.eq(cycle_limit)
                with m.If(self.write):
                    m.d.sync += cycle_limit.eq(self.write_data)
            with m.Case(IDENTITY):
                m.d.sync += self.read_data.eq(identity(design, self._buffers))
            for i, name in enumerate(layer_layout(design).members):
                with m.Case(LAYER_BASE + i):
                    m.d.sync += self.read_data.eq(next_layer[name])
                    with m.If(self.write & ~busy):
                        m.d.sync += next_layer[name].eq(self.write_data)
            for i, name in enumerate(COUNTERS):
                value = self.counters[name]
                with m.Case(COUNTER_BASE + 2 * i):
                    m.d.sync += self.read_data.eq(value[:32])
                with m.Case(COUNTER_BASE + 2 * i + 1):
                    m.d.sync += self.read_data.eq(value[32:])

        # What happens while the host clears it is not lost.
        with m.If(self.ended):
            m.d.sync += self.done.eq(1)

        # ---- errors: the first one stays ----
        with m.If(cleared):
            m.d.sync += error_code.eq(ErrorCode.NONE)
        with m.If(~self.error | cleared):
            for wrong, code in (
                (over, ErrorCode.CYCLE_LIMIT),
                (self.cut, ErrorCode.LOAD_CUT),
                (self.wrong_section, ErrorCode.LOAD_SECTION),
                (busy & (command.start | layer_write), ErrorCode.BUSY),
            ):
                with m.If(wrong):
                    m.d.sync += error_code.eq(code)
            with m.If(goes & (fault != ErrorCode.NONE)):
                m.d.sync += error_code.eq(fault)
        return m

"""The ``dram`` environment of the timing contract, stepped cycle by cycle.

As ``timing_contract``, whose arrays it runs, with an output stage that holds while a beat waits.
"""

from collections.abc import Sequence
from dataclasses import replace

from timing_contract import DenseArray, OutputStage, PortArray, SparseArray

from bosquet.hw.dram import Dram
from bosquet.hw.program import Program
from bosquet.sim.counters import Counters


class HeldOutputStage(OutputStage):
    """Moves only in cycles in which the beat that is due, if any, is taken."""

    def __init__(self, program: Program, beat_cycles: int) -> None:
        super().__init__(program)
        self.beat_cycles = beat_cycles  # from one beat to the next, at least
        self.moves = 0  # cycles in which it has moved
        self.on_their_way: list[int] = []  # in which of its moves each beat is due
        self.sent: list[int] = []

    @property
    def finished(self) -> bool:
        return super().finished and not self.on_their_way

    def step(self, now: int, ready: dict[tuple[int, int], int]) -> None:
        if self.on_their_way and self.on_their_way[0] == self.moves:
            if self.sent and now < self.sent[-1] + self.beat_cycles:
                return
            self.on_their_way.pop(0)
            self.sent.append(now)
        self.beats = []
        super().step(now, ready)
        self.on_their_way += [beat - now + self.moves for beat in self.beats]
        self.beats = self.sent
        self.moves += 1


def held(program: Program, dram: Dram) -> DenseArray | SparseArray:
    """Return the array of a dense or sparse program whose beats are taken at the dram's pace."""
    design = program.design
    array: DenseArray | SparseArray
    if design.family == "dense":
        array = DenseArray(program)
    else:
        array = (PortArray if design.delivery == "port" else SparseArray)(program)
    values = design.drain * (design.vector // design.drain_cycles)
    beat_bits = -(-values * design.act_bits // 8) * 8
    array.output = HeldOutputStage(program, -(-beat_bits // dram.bandwidth_bits))
    return array


def interpret_in_dram(program: Program, dram: Dram, loads: Sequence[int]) -> Counters:
    """Run a dense or sparse program one cycle at a time, after loads of so many beats."""
    design = program.design
    counted = held(program, dram).run()
    load_cycles = -(-design.bus_bits // dram.bandwidth_bits)
    waits = max((dram.latency_cycles + (beats - 1) * load_cycles for beats in loads), default=0)
    return replace(
        counted,
        cycles=counted.cycles + waits,
        stalls={**counted.stalls, "dram": design.lanes * waits},
    )

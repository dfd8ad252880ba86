"""A simulation of several layers: sums, names, and equal work done once."""

from dataclasses import replace

import pytest

from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim import simulate as module
from bosquet.sim.counters import Counters
from bosquet.sim.simulate import Simulation
from bosquet.sim.technology import Technology
from bosquet.sim.tiling import simulated
from bosquet.sim.workload import Workload

SHAPE = LayerShape("a", "conv", 8, 12, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)


def layer(name: str, seed: int, width: int = 6) -> Workload:
    return Workload(
        replace(SHAPE, name=name, width=width), uneven_mask(SHAPE.weight_shape, 0.3, seed)
    )


def network(*layers: Workload) -> Simulation:
    return Simulation.of(layers, Design.named("sparse-4x4"), Technology.load(), lambda *_: None)


def test_equal_work_is_simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(schedule: Schedule, dram: Dram | None) -> Counters:
        calls.append(schedule.layer.shape.name)
        return simulated(schedule, dram)

    monkeypatch.setattr(module, "simulated", counted)
    alone = network(layer("first", 1)).cycles
    calls.clear()
    found = network(layer("first", 1), layer("again", 1), layer("mask", 2), layer("map", 1, 7))
    assert calls == ["first", "mask", "map"]
    assert [one.name for one in found.layers] == ["first", "again", "mask", "map"]
    assert [one.counters.cycles for one in found.layers[:2]] == [alone, alone]
    assert found.cycles == sum(one.counters.cycles for one in found.layers)

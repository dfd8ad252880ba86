"""Counts what the RTL does in a co-simulation: memory accesses, and what the array works off.

It watches every buffer's enables and a few strobes in each clock cycle. Components are found as
they are made, so that nothing of the gateware has to be known but its classes and their members.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.hdl import Cat
from amaranth.lib import fifo

from bosquet.engine.integer import layer_outputs
from bosquet.hw.decode import IndexDecoder
from bosquet.hw.design import Design
from bosquet.hw.eie_scanner import EieScanner
from bosquet.hw.front import LaneFront
from bosquet.hw.port_lane import PortLane
from bosquet.hw.run_image import RunImage, run_images
from bosquet.hw.schedule import Schedule
from bosquet.hw.store import Store
from bosquet.hw.walk import Walk
from bosquet.models.layer import Layer
from bosquet.sim.amaranth_rtl import run_all
from bosquet.sim.cosim import compared, predicted_counters
from bosquet.sim.rtl_host import RtlHost

__all__ = ["Seen", "watched"]

Key = tuple[str, str]
"""Kind of a memory or component, and what happened to it."""


@dataclass
class Seen:
    """What happened in all runs of a layer.

    Attributes
    ----------
    runs : tuple of RunImage
    times : Counter
        Of each strobe, over all components of a kind: ``("weights", "reads")``. Reads of a memory
        are cycles with its read enable, writes those with its write enable.
    memories : Counter
        Memories of each kind.
    """

    runs: tuple[RunImage, ...]
    times: Counter[Key] = field(default_factory=Counter)
    memories: Counter[str] = field(default_factory=Counter)


def watched(schedule: Schedule, features: Any, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Do the runs of a layer in the RTL, and count; outputs and counters must be right."""
    assert isinstance(schedule.layer, Layer)
    outputs = layer_outputs(schedule.layer, features)
    runs = run_images([(schedule.with_features(features), features, outputs)])
    seen = Seen(runs)
    strobes: list[tuple[Key, Any]] = []
    addresses: list[tuple[Key, Any]] = []
    busy: list[Any] = []
    _find(monkeypatch, strobes, addresses, busy, seen)

    def simulate(host: RtlHost, *scripts: Any) -> None:
        async def watch(ctx: Any) -> None:
            signals = [signal for _, signal in (*strobes, *addresses)]
            before = [(0, 0)] * len(addresses)  # as after a reset
            async for _, _, *values in ctx.tick().sample(*signals):
                for (key, _), value in zip(strobes, values, strict=False):
                    seen.times[key] += int(value)
                now = [(int(pair) >> 1, int(pair) & 1) for pair in values[len(strobes) :]]
                for (key, _), (old, started), (new, _) in zip(addresses, before, now, strict=True):
                    seen.times[key] += started or old != new
                before = now

        original(host, *scripts, watch)

    async def finish(host: RtlHost, ctx: Any, run: Any) -> None:
        """Wait for the feeder, which goes on where the last windows have no weight."""
        await finished(host, ctx, run)
        while any(ctx.get(signal) for signal in busy):
            await ctx.tick()

    original, finished = RtlHost.simulate, RtlHost.finish
    monkeypatch.setattr(RtlHost, "simulate", simulate)
    monkeypatch.setattr(RtlHost, "finish", finish)
    counters = [predicted_counters(run.run.program, run.loads) for run in runs]
    done = run_all(runs, [2 * one["cycles"] + 100 for one in counters])
    assert len(done) == len(runs)
    for run, got, expected in zip(runs, done, counters, strict=True):
        assert compared(run.image, got, expected).equal
        seen.times["beats", "out"] += len(got.beats)
    return seen


def _find(
    monkeypatch: pytest.MonkeyPatch,
    strobes: list[tuple[Key, Any]],
    addresses: list[tuple[Key, Any]],
    busy: list[Any],
    seen: Seen,
) -> None:
    """Note the signals to watch of each component that is made."""

    def after(owner: Any, method: str, note: Any) -> None:
        original = getattr(owner, method)

        def noting(self: Any, *arguments: Any, **named: Any) -> Any:
            result = original(self, *arguments, **named)
            note(self, arguments, result)
            return result

        monkeypatch.setattr(owner, method, noting)

    def buffer(_: Any, arguments: Any, result: Any) -> None:
        made, _ = result
        kind = arguments[1].name.lower()
        strobes.append(((kind, "reads"), made.enable))
        strobes.append(((kind, "writes"), made.write_enable))
        seen.memories[kind] += 1

    def strobe(kind: str, name: str, signal: Any) -> Any:
        return lambda made, *_: strobes.append(((kind, name), signal(made)))

    after(Store, "_made", buffer)
    after(Walk, "__init__", strobe("feeder", "steps", lambda walk: walk.advance))
    after(Walk, "__init__", lambda walk, *_: busy.append(walk.step.valid))
    after(LaneFront, "__init__", strobe("lane", "issues", lambda lane: lane.issue))
    after(
        LaneFront,
        "__init__",
        strobe("lane", "weights", lambda lane: lane.issue & ~lane.head.filler),
    )
    after(
        IndexDecoder,
        "__init__",
        strobe("decoder", "words", lambda one: one.word.valid & one.word.ready),
    )
    after(
        IndexDecoder,
        "__init__",
        strobe("decoder", "blank", lambda one: one.word.ready & one.word.valid & ~one.entry.valid),
    )
    after(EieScanner, "__init__", strobe("scanner", "items", lambda one: one.item.valid))
    after(
        PortLane,
        "__init__",
        lambda lane, *_: addresses.append(
            (("bases", "reads wanted"), Cat(lane.start, lane.base_address))
        ),
    )
    after(
        fifo.SyncFIFO, "__init__", strobe("fifo", "columns", lambda queue: queue.r_en & queue.r_rdy)
    )


def family_of(design: Design) -> str:
    """Return what decides which of its memories have a read enable of their own."""
    return design.delivery if design.family == "sparse" else design.family

"""Predicted cycles of runs that fit their design, family by family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from ...errors import FitError
from ...hw.design import Design
from ...hw.program import COUNT_LIMIT
from ...models.formats import IndexFormat
from .dense import DenseRun
from .eie import EieCycles
from .pace import Pace
from .prepared import Prepared
from .sparse import sparse_cycles
from .tiles import Tiles

__all__ = ["BoundName", "FastRun", "predicted_runs"]

BoundName = Literal["busiest_lane", "feed", "drain", "fill"]


@dataclass(frozen=True)
class FastRun:
    """What a run is predicted to take.

    Attributes
    ----------
    format : IndexFormat
        Of its weights.
    cycles : int
    bound : {"busiest_lane", "feed", "drain", "fill"}
        What takes most of them: the entries of the busiest lanes (PEs; rows of the dense array),
        the feed steps (columns of the EIE array), the output stage, or everything else: latencies,
        and lanes that wait for one another.
    """

    format: IndexFormat
    cycles: int
    bound: BoundName

    @classmethod
    def of(cls, form: IndexFormat, cycles: int, bounds: dict[BoundName, float]) -> "FastRun":
        """Name the largest bound, or ``fill`` if more than it takes is left."""
        largest = max(bounds, key=lambda name: bounds[name])
        return cls(form, cycles, largest if 2 * bounds[largest] >= cycles else "fill")


def predicted_runs(
    prepared: Prepared, numbers: Sequence[int], design: Design, forms: Sequence[IndexFormat]
) -> list[FastRun]:
    """Predict some of the layers, in the given formats (one for each layer of ``prepared``).

    Raises
    ------
    FitError
        If the design cannot count the tiles or entries of one.
    """
    if not numbers:
        return []
    families: dict[str, Callable[..., list[FastRun]]] = {
        "dense": _dense, "eie": _eie, "sparse": _sparse
    }  # fmt: skip
    return families[design.family](prepared, numbers, design, forms)


def _dense(
    prepared: Prepared, numbers: Sequence[int], design: Design, forms: Sequence[IndexFormat]
) -> list[FastRun]:
    found = []
    for number in numbers:
        shape = prepared.shapes[number]
        run = DenseRun.of(shape, design)
        _check_tiles(shape.name, design, run.tiles)
        found.append(
            FastRun.of(
                forms[number],
                run.cycles,
                {"busiest_lane": run.passes * run.steps, "drain": run.drain_cycles},
            )
        )
    return found


def _eie(
    prepared: Prepared, numbers: Sequence[int], design: Design, forms: Sequence[IndexFormat]
) -> list[FastRun]:
    found = []
    for number in numbers:
        shape = prepared.shapes[number]
        run = EieCycles(shape, prepared.eie(number), design)
        rows = -(-shape.out_channels // design.lanes)
        sums = shape.batch * rows * design.drain_groups
        bounds: dict[BoundName, float] = {
            "busiest_lane": run.busiest, "feed": run.slots, "drain": sums
        }  # fmt: skip
        found.append(FastRun.of(forms[number], run.cycles, bounds))
    return found


def _sparse(
    prepared: Prepared, numbers: Sequence[int], design: Design, forms: Sequence[IndexFormat]
) -> list[FastRun]:
    pace, chosen = Pace.of(design), np.array(numbers)
    of_weights = dict(zip(prepared.own.tolist(), forms, strict=True))
    by_weights = [of_weights[own] for own in range(len(prepared.weights))]
    streams = prepared.streams(design, by_weights)
    tiles = Tiles(
        design, pace, streams, prepared.own[chosen], prepared.positions[chosen], prepared.effort
    )
    for place in np.flatnonzero(tiles.of_run > COUNT_LIMIT).tolist():
        _check_tiles(prepared.shapes[numbers[place]].name, design, int(tiles.of_run[place]))
    cycles = np.rint(sparse_cycles(tiles)).astype(np.int64).tolist()
    busiest = tiles.passes * np.add.reduceat(tiles.busiest, tiles.first)
    passes = tiles.passes * tiles.of_run
    feed = passes * tiles.steps * pace.windows
    named = zip(busiest.tolist(), feed.tolist(), (passes * pace.drain).tolist(), strict=True)
    names = cast("tuple[BoundName, ...]", ("busiest_lane", "feed", "drain"))
    return [
        FastRun.of(forms[number], own, dict(zip(names, bounds, strict=True)))
        for number, own, bounds in zip(numbers, cycles, named, strict=True)
    ]


def _check_tiles(name: str, design: Design, tiles: int) -> None:
    if tiles > COUNT_LIMIT:
        raise FitError(
            f"layer {name}: {tiles} filter tiles; {design.name} counts to {COUNT_LIMIT} in a run"
        )

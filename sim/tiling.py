"""Which parts a layer is cut into: those that take the fewest cycles, of what fits the buffers.

Parts differ in filters (the weights a run loads) and in positions (the activations it loads). Many
ways to cut both are predicted from numbers per filter: a run takes, for each vector of positions
and each filter tile, as long as the largest of the bounds of ``sim.workload``, and in the ``dram``
environment it waits for its loads as the contract says. The best few are simulated exactly, and so
is the fixed rule of ``hw.schedule``. The fewest exact cycles win, those included that a host takes
to write the registers of each run: one more run has to save more than that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

from ..errors import FitError
from ..hw.cuts import Cuts, Shortage, pieces
from ..hw.design import Buffers, Design
from ..hw.dram import Dram
from ..hw.fetch import index_word
from ..hw.layout import Layout
from ..hw.memories import lanes_per_beat
from ..hw.part import Part
from ..hw.program import COUNT_LIMIT, Masked, Program
from ..hw.registers import layer_layout
from ..hw.schedule import Schedule
from ..models.formats import IndexFormat
from ..models.layer import LayerShape
from .counters import Counters
from .exact import simulate_schedule
from .exact_dram import simulate_schedule_in_dram
from .workload import Workload

__all__ = ["best_schedule", "promising_cuts", "simulated", "start_cycles"]

_FINALISTS = 3
"""Ways to cut that are simulated exactly, besides the fixed rule."""

_PIECES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
"""Into how many pieces a dimension may be cut."""

_MOST_RUNS = 512


def simulated(schedule: Schedule, dram: Dram | None = None) -> Counters:
    """Return the counters of the runs of a layer, without ``dram`` in the ``ideal`` environment."""
    return simulate_schedule_in_dram(schedule, dram) if dram else simulate_schedule(schedule)


def best_schedule(
    layer: Masked, design: Design, form: IndexFormat | None = None, dram: Dram | None = None
) -> Schedule:
    """Cut a layer into the runs that take the fewest cycles of those that were considered.

    Parameters
    ----------
    layer : Masked
    design : Design
        With ``buffers``; without them all fits that can be counted, and nothing is chosen.
    form : IndexFormat, optional
        Of the weights; the smallest of each part if not given.
    dram : Dram, optional
        Without it cycles of the ``ideal`` environment are counted, in which loads take no time.

    Raises
    ------
    FitError
        If the layer does not fit the design, however it is cut.
    """
    plain = Schedule.plan(layer, design, form)
    overlaps = dram is not None and design.buffer_sets == 2
    if design.buffers is None or design.family == "eie" or (len(plain.runs) == 1 and not overlaps):
        return plain
    found = [plain]
    for cuts in promising_cuts(layer, design, form, dram):
        schedule = Schedule.cut(layer, design, cuts, form)
        if isinstance(schedule, Schedule):
            found.append(schedule)
    started = start_cycles(design)
    return min(found, key=lambda one: simulated(one, dram).cycles + len(one.runs) * started)


def start_cycles(design: Design) -> int:
    """Return the register writes that start a run, a cycle each."""
    return len(layer_layout(design).members) + 1


@dataclass(frozen=True)
class _Weights:
    """A piece of the filters.

    Attributes
    ----------
    cycles : int
        Of one vector of positions.
    beats : int
        Of its load, about.
    """

    cycles: int
    beats: int


@dataclass(frozen=True)
class _Positions:
    """A piece of the images, rows and columns.

    Attributes
    ----------
    vectors : int
    beats : int
        Of its load.
    """

    vectors: int
    beats: int


def promising_cuts(
    layer: Masked, design: Design, form: IndexFormat | None, dram: Dram | None
) -> list[Cuts]:
    """Return the ways to cut a layer that are predicted to take the fewest cycles.

    They are some that fit by numbers per filter, none if none was found; see `best_schedule`.
    """
    shape, whole = layer.shape, Cuts.none(layer.shape)
    known: list[tuple[int, int, Cuts]] = []
    for groups, filters in _filter_cuts(shape, design):
        cuts = replace(whole, groups=groups, filters=filters)
        weights = _weights(layer, design, cuts, form)
        if weights is None:
            continue
        for by_position in _position_cuts(cuts, shape):
            runs = len(weights) * _position_pieces(whole, by_position)
            if runs > _MOST_RUNS:
                continue
            positions = _positions(shape, design, by_position)
            if positions is None:
                continue
            for inner in ("positions", "filters") if dram else ("positions",):
                chosen = replace(by_position, inner=inner)
                cycles = _predicted(weights, positions, chosen, design, dram)
                known.append((cycles, runs, chosen))
    known.sort(key=lambda one: one[:2])
    return [cuts for _, _, cuts in known[:_FINALISTS]]


def _filter_cuts(shape: LayerShape, design: Design) -> Iterator[tuple[int, int]]:
    """Yield groups and filters of a part: several whole groups, or some tiles of one."""
    filters = shape.out_channels // shape.groups
    groups = {-(-shape.groups // count) for count in _PIECES} if shape.groups > 1 else {1}
    yield from ((one, filters) for one in sorted(groups, reverse=True))
    tile = design.lanes * Layout.of(shape, design).lane_filters
    tiles = -(-filters // tile)
    yield from ((1, one * tile) for one in _sizes(tiles) if one < tiles)


def _position_cuts(cuts: Cuts, shape: LayerShape) -> Iterator[Cuts]:
    """Yield cuts of the positions: images, or rows of one, or columns of one row."""
    yield from (replace(cuts, images=images) for images in _sizes(shape.batch))
    one = replace(cuts, images=1)
    yield from (replace(one, rows=rows) for rows in _row_sizes(shape.out_height))
    row = replace(one, rows=1)
    yield from (replace(row, columns=columns) for columns in _sizes(shape.out_width)[1:])


def _sizes(size: int) -> list[int]:
    """Return the sizes of pieces, the largest first."""
    return sorted({-(-size // count) for count in _PIECES if count <= size}, reverse=True)


def _row_sizes(rows: int) -> list[int]:
    """Return numbers of rows: vectors may fit some much better than the next one."""
    return sorted({*_sizes(rows)[1:], *range(1, min(rows, 33))}, reverse=True)


def _weights(
    layer: Masked, design: Design, cuts: Cuts, form: IndexFormat | None
) -> list[_Weights] | None:
    """Return the pieces of the filters, None if one does not fit."""
    whole = Part.whole(layer.shape)
    found = []
    for groups, filters in product(
        pieces(whole.groups, cuts.groups), pieces(whole.filters, cuts.filters)
    ):
        part = replace(whole, groups=groups, filters=filters)
        piece = part.of(layer)
        if Shortage.of_counters(piece.shape, design):
            return None
        work = Workload(piece.shape, piece.mask)
        own = form or Program.smallest_format(piece, design)
        load = work.load(design, own)
        need = work.buffers(design, load)
        if Shortage.of_buffers(replace(need, feature_words=1), design.buffers):
            return None
        layout = Layout.of(piece.shape, design)
        bounds = work.bounds(design, load).of_tile
        cycles = int(bounds.sum()) // layout.position_tiles
        found.append(_Weights(cycles, _weight_beats(need, design)))
    return found


def _weight_beats(need: Buffers, design: Design) -> int:
    """Return about how many beats fill memories of these depths."""
    beats = need.offset_words + design.drain * need.filter_words
    for words, width in (
        (need.weight_words, design.weight_word_bits),
        (need.index_words, index_word(design).size),
    ):
        beats += -(-design.streams // lanes_per_beat(design, width)) * words
    return beats


def _position_pieces(whole: Cuts, cuts: Cuts) -> int:
    """Return into how many pieces the positions are cut."""
    return (
        -(-whole.images // cuts.images)
        * -(-whole.rows // cuts.rows)
        * -(-whole.columns // cuts.columns)
    )


def _positions(shape: LayerShape, design: Design, cuts: Cuts) -> list[_Positions] | None:
    """Return the pieces of the positions, None if one does not fit."""
    whole = Part.whole(shape)
    most = design.buffers.feature_words if design.buffers else None

    @cache
    def piece(part: Part) -> _Positions | None:
        try:
            layout = Layout.of(part.shape_of(shape), design)
        except FitError:  # some of its outputs would see nothing but padding
            return None
        if layout.position_tiles > COUNT_LIMIT:
            return None
        if most is not None and layout.feature_words > most:
            return None
        banks = 1 if design.delivery == "port" else layout.step_vectors
        return _Positions(layout.position_tiles, banks * (layout.feature_words + 1))

    found = []
    groups = whole.groups[: cuts.groups]
    for images, rows, columns in product(
        pieces(whole.images, cuts.images),
        pieces(whole.rows, cuts.rows),
        pieces(whole.columns, cuts.columns),
    ):
        part = replace(whole, groups=groups, images=images, rows=rows, columns=columns)
        one = piece(part)
        if one is None:
            return None
        found.append(one)
    return found


def _predicted(
    weights: list[_Weights], positions: list[_Positions], cuts: Cuts, design: Design,
    dram: Dram | None,
) -> int:  # fmt: skip
    """Return about how many cycles the runs of all pieces take."""
    pairs: Iterator[tuple[_Weights, _Positions]] = (
        product(weights, positions)
        if cuts.inner == "positions"
        else ((own, place) for place, own in product(positions, weights))
    )
    around = (
        start_cycles(design) + 32 + design.drain_groups * design.drain_cycles
    )  # fill, last sums
    wait: Callable[[int], int] = (
        (lambda beats: dram.load_cycles(beats, design) if beats else 0) if dram else lambda _: 0
    )
    total, ended, accepted = 0, 0, 0
    before: tuple[_Weights | None, _Positions | None] = (None, None)
    for own, place in pairs:
        loads = max(
            wait(0 if own is before[0] else own.beats),
            wait(0 if place is before[1] else place.beats),
        )
        since = accepted if design.buffer_sets == 2 else ended
        accepted = max(ended, since + loads)
        ended = accepted + place.vectors * own.cycles + around
        before = own, place
        total = ended
    return total

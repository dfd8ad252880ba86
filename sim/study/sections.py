"""Sections of a study: one thing each that the break-even ratio depends on, and its values."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ...errors import BosquetError, FitError
from ...hw.design import Design
from ..bench import Bench
from ..cost import Cost
from ..dense_baseline import FrozenBaseline
from ..lane_counts import MAX_LANES
from ..search_space import SearchSpace
from ..technology import Technology
from ..workload import formats_of
from .case import StudyCase, Subject

__all__ = [
    "BASELINES",
    "SECTIONS",
    "SHARES",
    "SIMD_GROUPS",
    "WEIGHT_BITS",
    "cases_of",
    "portion_for_share",
    "rows_for_share",
    "share_of",
]

SPACE = SearchSpace()

BASELINES = ((8, 8), (16, 16), (64, 16), (64, 64))
"""Rows and columns of the baselines of the surface: 64 to 4,096 MACs."""

SHARES = (0.15, 0.3, 0.45, 0.6, 0.8)
"""Shares of the weight memory in the area of the baseline."""

SIMD_GROUPS = (1, 2, 4, 8, 16)
"""Filters pruned at the same positions."""

WEIGHT_BITS: Mapping[int, int] = {16: 32, 8: 24, 4: 24, 2: 24}
"""Weight widths, and the accumulators for each: 24 bits hold no sum of 16 by 8 bit products."""

_NO_PORTION = "no portion of the layer's weights on chip makes their memory that large or small"

PLAIN_COLUMNS = (4, 8, 16)
"""Columns of the plain designs that the steps begin with."""

_CLOSE = 0.005
"""How near a share has to be reached."""


def _asked(subject: Subject) -> Iterator[StudyCase]:
    yield StudyCase("question", "as asked", assumed=True)


def _settings(subject: Subject) -> Iterator[StudyCase]:
    """Small and large arrays, with all of the weights on chip and with few."""
    for rows, columns, portion, group in (
        (64, 16, 1.0, 1), (16, 16, 0.1, 1), (64, 16, 0.1, 1), (64, 16, 1.0, 4),
    ):  # fmt: skip
        grouped = f", groups of {group}" if group > 1 else ""
        yield StudyCase(
            "setting",
            f"{rows}x{columns}, {portion:.0%} on chip{grouped}",
            baseline=replace(subject.baseline, lanes=rows, vector=columns),
            weights_on_chip=portion,
            space=replace(SPACE, simd_group=group),
            assumed=True,
            facts={"simd_group": group},
        )


def _surface(subject: Subject) -> Iterator[StudyCase]:
    for rows, columns in BASELINES:
        baseline = replace(subject.baseline, lanes=rows, vector=columns)
        for share in SHARES:
            reason = _NO_PORTION
            try:
                portion = portion_for_share(subject, baseline, share)
            except BosquetError as error:  # such as a baseline that the lane table does not tell of
                portion, reason = None, " ".join(str(error).split())
            yield StudyCase(
                "surface", f"{rows}x{columns}, {share:.0%} of the area holds weights",
                baseline=baseline, weights_on_chip=portion,
                impossible="" if portion is not None else reason,
                facts={"macs": rows * columns, "asked_share": share},
            )  # fmt: skip


def _technologies(subject: Subject) -> Iterator[StudyCase]:
    """Ask on other silicon: the same baseline, and one whose weights have the same share of it."""
    own = share_of(subject, subject.technology, subject.baseline)
    for number, technology in enumerate(subject.technologies):
        name = f"{technology.card.name}, cells of {technology.library}"
        yield StudyCase("technology", f"{name}: as asked", technology=number)
        alike = f"{name}: with the same share of weight memory"
        try:
            rows = rows_for_share(subject, technology, own)
        except BosquetError as error:
            reason = " ".join(str(error).split())
            yield StudyCase("technology", alike, technology=number, impossible=reason)
            continue
        yield StudyCase(
            "technology", f"{alike}, {rows} rows",
            baseline=replace(subject.baseline, lanes=rows), technology=number,
        )  # fmt: skip


def _formats(subject: Subject) -> Iterator[StudyCase]:
    read = formats_of(Design("sparse", 16, 16))
    for form in read:
        yield StudyCase("format", form.name, formats=(form.name,))
    yield StudyCase("format", "best of all")


def _vectors(subject: Subject) -> Iterator[StudyCase]:
    for vector in SPACE.vectors:
        only = replace(SPACE, vectors=(vector,))
        yield StudyCase("vector", str(vector), space=only, facts={"vector": vector})


def _groups(subject: Subject) -> Iterator[StudyCase]:
    for group in SIMD_GROUPS:
        space = replace(SPACE, simd_group=group)
        yield StudyCase("group", str(group), space=space, facts={"simd_group": group})


def _weight_bits(subject: Subject) -> Iterator[StudyCase]:
    for bits, acc_bits in WEIGHT_BITS.items():
        baseline = replace(subject.baseline, weight_bits=bits, acc_bits=acc_bits)
        yield StudyCase("weight bits", str(bits), baseline=baseline, facts={"weight_bits": bits})


def _steps(subject: Subject) -> Iterator[StudyCase]:
    """From plain designs, as the first ones were, to the whole space, a step at a time.

    The plain ones differ in their columns, and in whether their lanes wait for each other; from the
    last of them on, each step adds to the one before. The dense side is the best in every step.
    """
    plain = replace(SPACE, run_aheads=(1,), feed_orders=("natural",), acc_sets=(1,))
    held = replace(plain, run_aheads=SPACE.run_aheads)
    narrow = tuple(vector for vector in SPACE.vectors if vector <= PLAIN_COLUMNS[-1])
    ordered = replace(held, feed_orders=SPACE.feed_orders, vectors=narrow)
    wide = replace(ordered, vectors=SPACE.vectors)
    relative = ("relative4",)
    steps: list[tuple[str, SearchSpace, tuple[str, ...]]] = [
        (f"{columns} columns, {pace}, fed in order, 4-bit relative index", space, relative)
        for pace, kind in (("lanes in lockstep", plain), ("lanes up to four windows apart", held))
        for columns in PLAIN_COLUMNS
        for space in (replace(kind, vectors=(columns,)),)
    ]
    steps += [
        ("and up to 16 columns, in an order that keeps lanes in step", ordered, relative),
        (f"and up to {SPACE.vectors[-1]} columns, as many as suit the layer", wide, relative),
        ("and the best index format", wide, ()),
        ("and two accumulator sets", SPACE, ()),
    ]
    for number, (name, space, formats) in enumerate(steps):
        yield StudyCase(
            "step", name, space=space, dense_space=SPACE, formats=formats, facts={"step": number}
        )


SECTIONS: Mapping[str, Callable[[Subject], Iterator[StudyCase]]] = {
    "question": _asked,
    "setting": _settings,
    "step": _steps,
    "surface": _surface,
    "technology": _technologies,
    "format": _formats,
    "vector": _vectors,
    "group": _groups,
    "weight bits": _weight_bits,
}
"""Cases of each section for a subject."""


def cases_of(subject: Subject) -> list[StudyCase]:
    """Return all cases of a study, section by section."""
    return [case for section in SECTIONS.values() for case in section(subject)]


def share_of(subject: Subject, technology: Technology, baseline: Design) -> float:
    """Return the share of the weight memory in the area of a baseline on the layer."""
    bench = Bench(Cost(technology))
    portion = subject.weights_on_chip
    frozen = FrozenBaseline.of(baseline, [subject.layer.own], bench, portion)
    return frozen.area.weight_sram_share


def rows_for_share(subject: Subject, technology: Technology, share: float) -> int:
    """Return the rows of the subject's baseline at which weights come nearest to a share.

    Of numbers a tenth apart: the share does not fall steadily, since weights come in whole tiles
    and memories in whole macros.
    """

    def distance(rows: int) -> float:
        baseline = replace(subject.baseline, lanes=rows)
        return abs(share_of(subject, technology, baseline) - share)

    candidates = [1]
    while candidates[-1] < MAX_LANES:
        candidates.append(min(MAX_LANES, max(candidates[-1] + 1, round(1.1 * candidates[-1]))))
    return min(candidates, key=distance)


def portion_for_share(subject: Subject, baseline: Design, share: float) -> float | None:
    """Return the portion of the weights on chip at which their memory has a share of the area.

    None if no portion that can be streamed gives it.
    """
    bench = Bench(Cost(subject.technology))

    def share_at(portion: float) -> float:
        frozen = FrozenBaseline.of(baseline, [subject.layer.own], bench, portion)
        return frozen.area.weight_sram_share

    if share_at(1.0) < share - _CLOSE:
        return None
    low, high = 0.0, 1.0  # its share is below, at least the one asked for
    while high - low > 1e-3 and share_at(high) > share + _CLOSE:
        middle = (low + high) / 2
        try:
            above = share_at(middle) >= share
        except FitError:
            above = False
        low, high = (low, middle) if above else (middle, high)
    return high if abs(share_at(high) - share) <= _CLOSE else None

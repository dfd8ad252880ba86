"""The points of a sweep: every combination of the values given, numbered from 0 in a fixed order.

Fields come in the order of the specification's tables, not of the file: networks and masks outside,
designs inside, so that neighbours share their masks. Linked fields go in step. The number of a
point depends on the specification alone, so that results can come in any order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from ...errors import InputError
from .spec import OWN, SMALLEST, SweepSpec
from .spec_errors import nearest

__all__ = ["MAX_POINTS", "Grid", "Point"]

MAX_POINTS = 10_000_000
"""Points of a sweep; more is a mistake, or work for `bosquet search`."""

_INNER = ("sweep.weight_bits", "sweep.act_bits", "sweep.format")
"""Fields that do not change the masks: they vary with those of the design."""

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """One combination.

    Attributes
    ----------
    index : int
        Its number.
    settings : mapping of str to value
        By dotted name; fields that are not given have no entry, but network, seed, ratio and
        format always do.
    """

    index: int
    settings: Settings

    def table(self, name: str) -> dict[str, Any]:
        """Return the settings of one table, by the names within it."""
        prefix = f"{name}."
        return {
            key.removeprefix(prefix): value
            for key, value in self.settings.items()
            if key.startswith(prefix)
        }


@dataclass(frozen=True)
class Grid:
    """The points of a specification.

    Attributes
    ----------
    groups : tuple of tuples
        One group for each ``[[design]]``; in each, the tracks that are combined all with all, and
        on a track the settings that one after the other are taken together.
    excluded : tuple of mapping
        Values by dotted name; a point that has one of each is left out.
    """

    groups: tuple[tuple[tuple[Settings, ...], ...], ...]
    excluded: tuple[Mapping[str, tuple[Any, ...]], ...]

    @classmethod
    def of(cls, spec: SweepSpec, seed: int) -> "Grid":
        """Return the grid of a specification; ``seed`` stands where it names none.

        Raises
        ------
        InputError
            If a field is given twice, linked lists differ in length, an exclusion can never
            apply, there are too many points, or none.
        """
        groups = tuple(_axes(spec, number, seed) for number in range(len(spec.design)))
        found = cls(
            tuple(_tracks(axes, spec.linked) for axes in groups),
            tuple(dict(table.given()) for table in spec.exclude),
        )
        _check_links(spec.linked, groups)
        _check_exclusions(found.excluded, groups)
        if found.combinations > MAX_POINTS:
            raise InputError(
                f"{found.combinations:,} points are more than a sweep takes ({MAX_POINTS:,}); link"
                " or shorten some lists"
            )
        if not len(found):
            raise InputError(
                f"no points: [[exclude]] leaves out all {found.combinations:,} combinations"
            )
        return found

    @property
    def combinations(self) -> int:
        """Points before exclusion."""
        return sum(prod(len(track) for track in tracks) for tracks in self.groups)

    @cached_property
    def _length(self) -> int:
        if not self.excluded:
            return self.combinations
        return sum(1 for _ in self.points())

    def __len__(self) -> int:
        return self._length

    def points(self) -> Iterator[Point]:
        """Yield every point, in order."""
        index = 0
        for tracks in self.groups:
            for chosen in product(*tracks):
                settings = {name: value for part in chosen for name, value in part.items()}
                if not any(_applies(rule, settings) for rule in self.excluded):
                    yield Point(index, settings)
                    index += 1


def _axes(spec: SweepSpec, number: int, seed: int) -> dict[str, tuple[Any, ...]]:
    """Return the values of every field with the designs of one table, outer fields first."""
    swept = {f"sweep.{name}": values for name, values in spec.sweep.given()}
    design = {f"design.{name}": values for name, values in spec.design[number].given()}
    place = "design" if len(spec.design) == 1 else f"design[{number}]"
    if "design.base" not in design and not {"design.family", "design.lanes"} <= set(design):
        raise InputError(f"{place}: give base (such as sparse-16x16), or family, lanes and vector")
    for name in ("weight_bits", "act_bits"):
        if f"design.{name}" in design and f"sweep.{name}" in swept:
            raise InputError(
                f"{place}.{name} and sweep.{name} are the same field; give one of them"
            )
    defaults = {"sweep.seed": (seed,), "sweep.ratio": (OWN,), "sweep.format": (SMALLEST,)}
    swept = {**defaults, **swept}
    inner = {name: swept.pop(name) for name in _INNER if name in swept}
    layer = {f"layer.{name}": values for name, values in spec.layer.given()}
    outside = {f"environment.{name}": values for name, values in spec.environment.given()}
    if "environment.dram_latency_cycles" in outside and len(outside) == 1:
        raise InputError("environment.dram_latency_cycles needs environment.dram_bandwidth_bits")
    return {"network": tuple(spec.network), **swept, **layer, **design, **inner, **outside}


def _tracks(
    axes: Mapping[str, tuple[Any, ...]], linked: Sequence[Sequence[str]]
) -> tuple[tuple[Settings, ...], ...]:
    """Return what is combined all with all; linked fields stand where the first of them does."""
    tracks, placed = [], set[str]()
    for name in axes:
        if name in placed:
            continue
        together = next((links for links in linked if name in links), [name])
        names = [one for one in axes if one in together]
        placed.update(names)
        lengths = {len(axes[one]) for one in names}
        if len(lengths) > 1:
            told = ", ".join(f"{one} {len(axes[one])}" for one in names)
            raise InputError(f"linked lists must be equally long, not {told}")
        tracks.append(
            tuple(
                dict(zip(names, values, strict=True))
                for values in zip(*(axes[one] for one in names), strict=True)
            )
        )
    return tuple(tracks)


def _check_links(
    linked: Sequence[Sequence[str]], groups: Sequence[Mapping[str, tuple[Any, ...]]]
) -> None:
    known = list(dict.fromkeys(name for axes in groups for name in axes))
    seen: set[str] = set()
    for number, names in enumerate(linked):
        for place, name in enumerate(names):
            where = f"linked[{number}][{place}]"
            if name not in known:
                raise InputError(f"{where}: no field {name!r} is given{nearest(name, known)}")
            if name in seen:
                raise InputError(f"{where}: {name} is linked twice")
            seen.add(name)
        if len(names) < 2:
            raise InputError(f"linked[{number}]: name at least two fields that go in step")


def _check_exclusions(
    rules: Sequence[Mapping[str, tuple[Any, ...]]],
    groups: Sequence[Mapping[str, tuple[Any, ...]]],
) -> None:
    """Refuse a rule that can never apply: it is misspelt."""
    for number, rule in enumerate(rules):
        if not rule:
            raise InputError(f"exclude[{number}] is empty and would leave out every point")
        for name, values in rule.items():
            known = [value for axes in groups for value in axes.get(name, ())]
            wrong = [value for value in values if value not in known]
            if wrong:
                told = (
                    f"its values are {', '.join(map(str, known))}" if known else "it is not given"
                )
                raise InputError(f"exclude[{number}].{name}: {wrong[0]!r} is swept nowhere; {told}")


def _applies(rule: Mapping[str, tuple[Any, ...]], settings: Settings) -> bool:
    return all(name in settings and settings[name] in values for name, values in rule.items())

"""Labels of points that may lie close together: where each one goes, and which are left out.

A label goes to a free side of its point. One that finds none is left out, and the nearest label
says how many more points there are about it (``conv2 +3``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["Box", "Label", "Point", "labels"]

_CHARACTER, _LINE = 6.2, 14
"""Pixels of a label: width of a character, height."""

_MORE = len(" +9")
"""Characters kept free for the number of points left out; rarely it is one more."""

_MARK = 5
"""Pixels from the centre of a point to its edge."""


class Point(NamedTuple):
    """A named point with a whisker up to ``top``; pixels from the lower left of the picture."""

    name: str
    x: float
    y: float
    top: float


class Box(NamedTuple):
    """Pixels from the lower left of the picture."""

    left: float
    right: float
    low: float
    high: float

    def overlaps(self, other: "Box") -> bool:
        """Whether they have a pixel in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.low < other.high
            and other.low < self.high
        )


@dataclass(frozen=True)
class Label:
    """A label at its point.

    Attributes
    ----------
    point : Point
    anchor : {"left", "right", "center"}
        Part of the text that is at the point, moved by the shifts.
    x_shift, y_shift : int
        Pixels.
    more : int
        Points about it whose labels are left out.
    """

    point: Point
    anchor: Literal["left", "right", "center"]
    x_shift: int
    y_shift: int
    more: int = 0

    @property
    def text(self) -> str:
        """What it says."""
        return f"{self.point.name} +{self.more}" if self.more else self.point.name

    @property
    def box(self) -> Box:
        """The pixels that it takes."""
        width = _CHARACTER * (len(self.point.name) + _MORE)
        left = self.point.x + self.x_shift
        left -= {"left": 0.0, "center": width / 2, "right": width}[self.anchor]
        middle = self.point.y + self.y_shift
        return Box(left, left + width, middle - _LINE / 2, middle + _LINE / 2)


def labels(points: Sequence[Point], width: int, texts: Sequence[Box] = ()) -> list[Label]:
    """Return labels that overlap neither each other, the marks of other points nor other texts.

    Parameters
    ----------
    points : sequence of Point
        The most important ones first; at least one of them gets a label, the first.
    width : int
        Of the picture, pixels.
    texts : sequence of Box
        What stands in the picture already.
    """
    marks = [Box(p.x - _MARK, p.x + _MARK, p.y - _MARK, max(p.y + _MARK, p.top)) for p in points]
    placed: list[Label] = []
    left_out: list[Point] = []
    for number, point in enumerate(points):
        taken = [label.box for label in placed] + marks[:number] + marks[number + 1 :] + [*texts]
        free = (
            label for label in _sides(point)
            if label.box.left >= 0 and label.box.right <= width
            and not any(label.box.overlaps(box) for box in taken)
        )  # fmt: skip
        label = next(free, None)
        if label is None and not placed:
            label = next(_sides(point))
        if label is None:
            left_out.append(point)
        else:
            placed.append(label)
    more = [0] * len(placed)
    for point in left_out:
        distances = [(one.point.x - point.x) ** 2 + (one.point.y - point.y) ** 2 for one in placed]
        more[distances.index(min(distances))] += 1
    return [
        Label(one.point, one.anchor, one.x_shift, one.y_shift, number)
        for one, number in zip(placed, more, strict=True)
    ]


def _sides(point: Point) -> Iterator[Label]:
    yield Label(point, "left", 8, 0)
    yield Label(point, "right", -8, 0)
    yield Label(point, "center", 0, -14)
    yield Label(point, "left", 8, -12)
    yield Label(point, "right", -8, -12)
    yield Label(point, "left", 8, 12)
    yield Label(point, "right", -8, 12)

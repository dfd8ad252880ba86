"""The lane table: measured rows as a CSV file, one shipped with bosquet, others of the user.

The shipped table is what lets bosquet tell area and frequency without any EDA tool. Every row
says with which library, recipe and tools it was measured and carries a fingerprint of the
gateware, so that a table that no longer describes the gateware is noticed (``stale``).
"""

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from ...errors import InputError
from .parts import PARTS, Part
from .row import COLUMNS, Row

__all__ = ["LaneTable"]

_SHIPPED = "lane_table.csv"


@dataclass(frozen=True, eq=False)
class LaneTable:
    """Measured rows by part, library, recipe and wires.

    Attributes
    ----------
    rows : mapping of (Part, library, recipe, wire_inputs) to Row
    path : Path or None
        File that new rows are stored in; None: they are kept in memory only.
    """

    rows: Mapping[tuple[Part, str, str, float], Row] = field(default_factory=dict)
    path: Path | None = None

    @classmethod
    def of(cls, rows: Iterable[Row], path: Path | None = None) -> "LaneTable":
        """Return a table of rows; the later of two equal keys stands."""
        return cls({row.key: row for row in rows}, path)

    @classmethod
    def shipped(cls) -> "LaneTable":
        """Return the table that comes with bosquet."""
        text = (files(__package__) / _SHIPPED).read_text(encoding="utf-8")
        return cls.of(_rows(text, _SHIPPED))

    @classmethod
    def read(cls, path: Path) -> "LaneTable":
        """Read a table; a file that does not exist yet is an empty one.

        Raises
        ------
        InputError
            If the file cannot be read or is not a lane table; the line is told.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(path=path)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot read the lane table: {error}") from error
        return cls.of(_rows(text, str(path)), path)

    def over(self, base: "LaneTable") -> "LaneTable":
        """Return the rows of both; where both have one, this table's stands."""
        return LaneTable({**base.rows, **self.rows}, self.path)

    def with_rows(self, rows: Iterable[Row]) -> "LaneTable":
        """Return the table with more rows, and store it.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        table = LaneTable({**self.rows, **{row.key: row for row in rows}}, self.path)
        table.store()
        return table

    def store(self) -> None:
        """Write the table's file, if it has one.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        if self.path is not None:
            _write(self.path, self.to_csv())

    def of_library(self, library: str, wire_inputs: float = 0.0) -> tuple[Row, ...]:
        """Return the rows of a cell library, all measured by one recipe and with one kind of wire.

        Raises
        ------
        InputError
            If there is none, or they were measured by different recipes.
        """
        of_library = [row for row in self.rows.values() if row.library == library]
        rows = tuple(row for row in of_library if row.wire_inputs == wire_inputs)
        if of_library and not rows:
            wires = ", ".join(f"{one:g}" for one in sorted({row.wire_inputs for row in of_library}))
            raise InputError(
                f"lane table: no row of {library} with wires of {wire_inputs:g} inverter inputs"
                f" per fan-out (measured: {wires}); `bosquet synth --design DESIGN --grid --table"
                " FILE` measures without wires and with those of the technology card"
            )
        if not rows:
            known = sorted({row.library for row in self.rows.values()})
            raise InputError(
                f"lane table: no row of cell library {library}; it has"
                f" {', '.join(known) or 'no rows'}; measure them with `bosquet synth --design"
                " DESIGN --grid --liberty FILE --table FILE`"
            )
        recipes = sorted({row.recipe for row in rows})
        if len(recipes) > 1:
            raise InputError(
                f"lane table: rows of library {library} by different recipes"
                f" ({', '.join(recipes)}) cannot be compared; measure all again by one"
            )
        return rows

    def stale(self, names: Iterable[str] = tuple(PARTS)) -> tuple[Row, ...]:
        """Return the rows of these kinds of parts whose gateware has changed since."""
        chosen = set(names)
        rows = [row for row in self.rows.values() if row.part.name in chosen]
        gateware = {part: part.fingerprint() for part in {row.part for row in rows}}
        return tuple(row for row in rows if row.gateware != gateware[row.part])

    def to_csv(self) -> str:
        """Return the text of the table, its rows in a fixed order."""
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        order = {name: i for i, name in enumerate(PARTS)}
        for row in sorted(
            self.rows.values(),
            key=lambda row: (
                row.library,
                row.recipe,
                order[row.part.name],
                row.part.values,
                row.wire_inputs,
            ),
        ):
            writer.writerow(row.to_csv())
        return out.getvalue()


def _rows(text: str, where: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text))
    return [Row.from_csv(texts, f"{where}, line {reader.line_num}") for texts in reader]


def _write(path: Path, text: str) -> None:
    """Write a file so that it is never seen half written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=path.name, delete=False
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise InputError(f"{path}: cannot write the lane table: {error.strerror}") from error

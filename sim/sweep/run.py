"""A sweep from beginning to end: points that are not there yet are run, then the tables written.

The journal in the folder of the sweep holds what was found; killed and started again, a sweep ends
with the same tables as one that was not. Tables and sidecar are written when every point has been
tried.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path
from platform import python_version
from typing import Any

from ..fast import KNOWN_ERROR
from .columns import Column, Row, chosen_columns, rows
from .grid import Grid, Point
from .identity import digest, identity
from .journal import Journal
from .point import Result, Runner
from .tables import has_parquet, table_writer, whole_file
from .workers import run_points

__all__ = ["Sweep", "SweepRun"]

SIDECAR = "sweep.json"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Sweep:
    """What a sweep found.

    Attributes
    ----------
    folder : Path
        Where everything is.
    sidecar : mapping
        What ``sweep.json`` says: specification, digest, versions, technology, columns.
    counts : mapping of str to int
        Points by status.
    reasons : tuple of (str, int, int)
        Why points have no figures: the reason, how many, the first of them; most frequent first.
    fastest : mapping of str to mapping
        Of each network the row of the point with the least time (cycles, where no clock is known).
    computed : int
        Points that were run now; the others were there.
    """

    folder: Path
    sidecar: Mapping[str, Any]
    counts: Mapping[str, int]
    reasons: tuple[tuple[str, int, int], ...]
    fastest: Mapping[str, Mapping[str, Any]]
    computed: int

    @property
    def points(self) -> int:
        """All points."""
        return sum(self.counts.values())


@dataclass(frozen=True, eq=False)
class SweepRun:
    """A sweep that can be run.

    Attributes
    ----------
    runner : Runner
    grid : Grid
    folder : Path
    columns : (tuple of Column, tuple of Column)
        Of the points and of the layers.
    """

    runner: Runner
    grid: Grid
    folder: Path
    columns: tuple[tuple[Column, ...], tuple[Column, ...]]

    @classmethod
    def of(
        cls, runner: Runner, seed: int, folder: Path, columns: Sequence[str] | None = None
    ) -> "SweepRun":
        """Check what a specification asks for.

        Parameters
        ----------
        runner : Runner
        seed : int
            Seed where the specification names none.
        folder : Path
        columns : sequence of str, optional
            Those that the tables get; None: all.

        Raises
        ------
        InputError
            If there are no points or too many, or a column does not exist.
        DesignError
            If a base does not exist.
        """
        assert runner.bases is not None  # read now, so that a wrong one is told at once
        return cls(runner, Grid.of(runner.spec, seed), folder, chosen_columns(columns))

    def resume(self, jobs: int, progress: Progress, tell: Callable[[str], None]) -> Sweep:
        """Run what is not in the folder's journal yet, and write the tables.

        Parameters
        ----------
        jobs : int
            Processes.
        progress : callable
            Told ``(done, total, "")`` of the points that are run now.
        tell : callable
            Told in a line what a user should know meanwhile.

        Raises
        ------
        InputError
            If a network cannot be read, another process works in the folder, the folder holds
            another sweep, or a file cannot be written.
        ToolError
            If no worker process can be started.
        """
        depends_on = identity(self.runner, self.grid)
        opened = Journal.resumed(self.folder, depends_on, len(self.grid))
        return self._run(opened, depends_on, jobs, progress, tell)

    def restart(self, jobs: int, progress: Progress, tell: Callable[[str], None]) -> Sweep:
        """Drop what is in the folder's journal, and run every point.

        See `resume`.
        """
        depends_on = identity(self.runner, self.grid)
        opened = Journal.begun(self.folder, depends_on, len(self.grid))
        return self._run(opened, depends_on, jobs, progress, tell)

    def _run(
        self,
        opened: AbstractContextManager[Journal],
        depends_on: Mapping[str, Any],
        jobs: int,
        progress: Progress,
        tell: Callable[[str], None],
    ) -> Sweep:
        with opened as journal:
            there, total = len(journal), len(self.grid)
            if there:
                tell(f"{there:,} of {total:,} points are there already")
            failed: dict[int, Result] = {}
            missing = (point for point in self.grid.points() if point.index not in journal)
            jobs = max(1, min(jobs, total - there))
            with closing(run_points(missing, self.runner, jobs, tell)) as found:
                done = 0
                for results in found:
                    done += len(results)
                    # What failed is not written down, so that it is tried again another time.
                    journal.add(one for one in results if one.status != "failed")
                    failed |= {one.point: one for one in results if one.status == "failed"}
                    progress(done, total - there, "")
            return self._written(journal, failed, depends_on, total - there)

    def _written(
        self,
        journal: Journal,
        failed: Mapping[int, Result],
        depends_on: Mapping[str, Any],
        computed: int,
    ) -> Sweep:
        """Write tables and sidecar."""
        counts = Counter(ok=0, refused=0, failed=0)
        reasons: Counter[str] = Counter()
        first: dict[str, int] = {}
        fastest: dict[str, Row] = {}
        of_points, of_layers = self.columns
        with (
            table_writer(self.folder / "points", of_points) as write_point,
            table_writer(self.folder / "layers", of_layers) as write_layer,
        ):
            for point, result in self._results(journal, failed):
                row, layers = rows(point, result, self.runner)
                write_point(row)
                for layer in layers:
                    write_layer(layer)
                counts[result.status] += 1
                if result.reason is not None:
                    reasons[result.reason] += 1
                    first.setdefault(result.reason, point.index)
                elif row["network"] not in fastest or _time(row) < _time(fastest[row["network"]]):
                    fastest[row["network"]] = row
        sidecar = self._sidecar(depends_on, counts)
        with whole_file(self.folder / SIDECAR) as part:
            part.write_text(dumps(sidecar, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        told = tuple((reason, count, first[reason]) for reason, count in reasons.most_common())
        return Sweep(self.folder, sidecar, counts, told, fastest, computed)

    def _results(
        self, journal: Journal, failed: Mapping[int, Result]
    ) -> Iterator[tuple[Point, Result]]:
        for point in self.grid.points():
            yield point, failed.get(point.index) or journal.result(point.index)

    def _sidecar(self, depends_on: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
        """Return what the tables are; equal sweeps have equal ones."""
        of_points, of_layers = self.columns
        described = {"points": of_points, "layers": of_layers}
        tier = self.runner.spec.tier
        error = {name: asdict(one) for name, one in KNOWN_ERROR.items()} if tier == "fast" else None
        return {
            "schema": "bosquet.sweep-sidecar/1",
            "digest": digest(depends_on),
            "tier": tier,
            "error": error,
            "seed": depends_on["spec"]["sweep"]["seed"],
            "points": {
                "combinations": self.grid.combinations,
                "excluded": self.grid.combinations - len(self.grid),
                **counts,
            },
            **depends_on,
            "tables": {
                name: {
                    "files": [f"{name}.csv", *([f"{name}.parquet"] if has_parquet() else [])],
                    "columns": {
                        column.name: {
                            "type": column.kind,
                            "meaning": column.meaning,
                            "known": column.known_in(tier),
                        }
                        for column in columns
                    },
                }
                for name, columns in described.items()
            },
            "written_with": {"python": python_version()},
        }


def _time(row: Row) -> tuple[bool, float]:
    """Return what points are ordered by: those with a clock first."""
    latency_s = row["latency_s"]
    return latency_s is None, row["cycles"] if latency_s is None else latency_s

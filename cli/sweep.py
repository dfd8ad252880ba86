"""``bosquet sweep``: every point of a grid of networks and designs, as tables."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..sim.sweep.point import Runner
from ..sim.sweep.run import Sweep, SweepRun
from ..sim.sweep.spec import SweepSpec, read_spec
from ..sim.sweep.tables import PARQUET_MISSING, has_parquet
from .masked_network import MaskedNetwork, load_masked
from .network_argument import NetworkArgument
from .options import Json, LaneTableFile, Liberty, TechnologyCard, chosen_technology
from .output import document, emit_answer, table
from .progress import Progress

__all__ = ["sweep"]

REASONS_TOLD = 5
"""Reasons why points have no figures that the text names."""


def sweep(
    spec: Annotated[
        Path,
        typer.Argument(
            metavar="SPEC.toml", help="What is swept; docs/sweep.md says how.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the results; sweeps/SPEC without it.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", help="Processes; one per CPU without it.", min=1),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Drop the results that the folder holds.")
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="A,B,C", help="Columns of the tables; all without it."),
    ] = None,
    technology: TechnologyCard = None,
    lane_table: LaneTableFile = None,
    liberty: Liberty = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", metavar="S", help="Seed of masks that are made up, 0 without it.", min=0
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate every point of a grid, and write a row for each as CSV and Parquet.

    A sweep that was interrupted goes on where it stopped.
    """
    asked = read_spec(spec)
    runner = Runner(asked, load_network, chosen_technology(technology, lane_table, liberty))
    run = SweepRun.of(
        runner,
        _seed(asked, seed, spec),
        out or Path("sweeps") / spec.stem,
        None if columns is None else [name.strip() for name in columns.split(",")],
    )
    with Progress("sweep") as progress:

        def tell(line: str) -> None:
            progress.close()
            typer.echo(f"sweep: {line}", err=True)

        go = run.restart if restart else run.resume
        try:
            found = go(jobs or os.cpu_count() or 1, progress, tell)
        except KeyboardInterrupt:
            again = "the same command without --restart" if restart else "the same command"
            tell(f"interrupted; what is done is kept, {again} goes on from there")
            raise
    emit_answer(document("sweep", _to_json(found, spec)), _text(found), as_json)
    if found.counts["failed"] or not found.counts["ok"]:
        typer.echo(_failure(found), err=True)
        raise typer.Exit(1)


def load_network(
    network: str, input_shape: tuple[int, ...] | None, ratio: float | None, seed: int
) -> MaskedNetwork:
    """Return what ``NET`` or ``NET:LAYER`` names; other processes find this function by its name.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    return load_masked(NetworkArgument.parse(network), ratio, seed, input_shape)


def _seed(asked: SweepSpec, given: int | None, spec: Path) -> int:
    if given is not None and asked.sweep.seed:
        raise InputError(f"{spec} says sweep.seed itself; leave --seed out")
    return given or 0


def _to_json(found: Sweep, spec: Path) -> dict[str, Any]:
    sidecar = found.sidecar
    parquet = has_parquet()
    return {
        "spec": str(spec),
        "digest": sidecar["digest"],
        "tier": sidecar["tier"],
        "error": sidecar["error"],
        "seed": sidecar["seed"],
        "points": found.points,
        "computed": found.computed,
        "excluded": sidecar["points"]["excluded"],
        **found.counts,
        "reasons": [
            {"reason": reason, "points": count, "first_point": first}
            for reason, count, first in found.reasons
        ],
        "fastest": [_plain(row) for row in found.fastest.values()],
        "out": str(found.folder),
        "files": [
            str(found.folder / name)
            for name in (*(file for table in sidecar["tables"].values() for file in table["files"]),
                         "sweep.json")
        ],
        "parquet": parquet,
        "parquet_reason": None if parquet else PARQUET_MISSING,
        "technology": sidecar["technology"],
        "versions": sidecar["versions"],
    }  # fmt: skip


def _plain(row: Any) -> dict[str, Any]:
    """Return the parts of a row that say which point it is and what it takes."""
    names = ("network", "point", "design", "cycles", "latency_s", "area_um2", "area_um2_reason")
    return {name: row[name] for name in names}


def _text(found: Sweep) -> str:
    counts, excluded = found.counts, found.sidecar["points"]["excluded"]
    lines = [
        f"{found.points:,} points: {counts['ok']:,} simulated, {counts['refused']:,} refused"
        + (f", {counts['failed']:,} failed" if counts["failed"] else "")
        + (f"; {excluded:,} more left out by [[exclude]]" if excluded else "")
    ]
    for reason, count, first in found.reasons[:REASONS_TOLD]:
        lines.append(f"  {count:,} (from point {first} on): {reason}")
    rest = found.reasons[REASONS_TOLD:]
    if rest:
        lines.append(f"  {sum(count for _, count, _ in rest):,} for {len(rest):,} other reasons")
    if found.fastest:
        cells = (_cells(row) for row in found.fastest.values())
        lines += ["", table(("fastest of", "point", "design", "cycles", "us", "mm2"), cells)]
    if not has_parquet():
        lines += ["", f"note: {PARQUET_MISSING}"]
    card = found.sidecar["technology"]["card"]
    cycles = "simulated (exact)"
    if error := found.sidecar["error"]:
        worst = max(one["worst"] for one in error.values())
        cycles = f"predicted (fast; of random layers, the worst was off by {worst:.0%})"
    lines += ["", f"cycles {cycles}; clock and area estimated ({card})"]
    lines += [f"written: {found.folder}/points.csv, layers.csv, sweep.json"
                  + (", points.parquet, layers.parquet" if has_parquet() else "")]  # fmt: skip
    return "\n".join(lines)


def _cells(row: Any) -> tuple[object, ...]:
    latency_s, area_um2 = row["latency_s"], row["area_um2"]
    return (
        row["network"],
        row["point"],
        row["design"],
        f"{row['cycles']:,}",
        None if latency_s is None else f"{latency_s * 1e6:.4g}",
        None if area_um2 is None else f"{area_um2 / 1e6:.4g}",
    )


def _failure(found: Sweep) -> str:
    if found.counts["failed"]:
        return (
            f"error: {found.counts['failed']:,} points failed (status failed in points.csv says"
            " why); run again to try them again, with fewer --jobs if memory ran out"
        )
    return f"error: every point was refused, most of them: {found.reasons[0][0]}"

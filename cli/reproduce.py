"""``bosquet reproduce``: all that bosquet says of AlexNet beside ADMM-NN, in one folder.

The journal in the folder holds every answer as it comes; a run that is stopped goes on from it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..hw.synth.placed_point import PlacedPoint
from ..sim.dense_baseline import baseline_design
from ..sim.journal import Journal
from ..sim.paper import BREAK_EVEN_RATIO, CONVOLUTIONS, ROWS, Replica, ReplicaCell
from ..sim.pruned_layer import PrunedLayer
from ..sim.reproduction import DEVICE, FPGA_LAYER, cases_for
from ..sim.study import StudyRow, Subject, answered, cases_of
from ..sim.sweep.identity import digest
from ..sim.technology import Technology
from .breakeven import PAPER_BASELINE, PAPER_NETWORK, pruned_layers
from .breakeven_text import times
from .masked_network import load_masked
from .network_argument import NetworkArgument
from .options import Json
from .output import Document, document, dumps, emit_answer, table, write_atomically
from .paper_breakeven import FIGURE_4_LAYER, paper_text
from .progress import Progress
from .study import made_folder, study_identity, study_text, write_tables

__all__ = ["reproduce"]

LAYER = FIGURE_4_LAYER

JOURNAL = "reproduce.journal"


def reproduce(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the tables and the page.")
    ] = Path("build/breakeven"),
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", help="Processes; one per CPU without it.", min=1),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask again all that docs/breakeven.md tells of AlexNet: half an hour on two cores.

    The study of conv4, Table 9 of ADMM-NN, one chip for all layers at the ratios of Table 8, and
    conv3 on an FPGA. A run that is stopped goes on from its folder.
    """
    made_folder(out, "--out")
    masked = load_masked(NetworkArgument(PAPER_NETWORK), None, 0)
    layers = pruned_layers(masked)
    studied = next(layer for layer in layers if layer.name == LAYER)
    subject = Subject(
        masked.name, studied, baseline_design(PAPER_BASELINE), 1.0, Technology.load(),
        technologies=Technology.of_real_cells(),
    )  # fmt: skip
    placed = [point.to_json() for point in PlacedPoint.shipped(DEVICE)]
    identity = {**study_identity(subject), "placements": digest([repr(one) for one in placed])}
    with (
        Journal.opened(out / JOURNAL, "reproduce", "--out", identity) as journal,
        Progress("reproduce") as progress,
    ):
        found = answered(
            cases_for(subject, layers), subject, progress, jobs or os.cpu_count() or 1, journal
        )
    rows = [StudyRow(case, found[case.key]) for case in cases_of(subject)]
    write_tables(subject, rows, out, "--out")
    replica = _replica(subject, found)
    network = _network(layers, found)
    for name, answer in (
        ("table9", replica.to_json()), ("network", network), ("fpga", found[f"fpga: {FPGA_LAYER}"]),
    ):  # fmt: skip
        write_atomically(out / f"{name}.json", dumps(document(name, answer)), "--out")
    figures = _figures(rows, replica, network, found[f"fpga: {FPGA_LAYER}"])
    text = "\n".join(
        [
            table(("figure", "bosquet", "ADMM-NN"), figures),
            "", paper_text(replica, [row for row in rows if row.case.section == "step"]),
            "", _layers_text(network),
            "", study_text(subject, rows),
            "", f"tables and page: {out}",
        ]
    )  # fmt: skip
    answer = {
        "figures": [
            dict(zip(("figure", "bosquet", "paper"), figure, strict=True)) for figure in figures
        ]
    }
    emit_answer(document("reproduce", answer), text, as_json)


def _replica(subject: Subject, found: Mapping[str, Document]) -> Replica:
    by_layer = [
        [ReplicaCell(**cell) for cell in found[f"table 9: {name}"]["cells"]]
        for name in CONVOLUTIONS
    ]
    return Replica.of(subject.setting, by_layer)


def _network(layers: Sequence[PrunedLayer], found: Mapping[str, Document]) -> dict[str, Any]:
    """Return what is told of every layer, and of one chip for all."""
    names = ("ratio", "interval", "given_ratio", "speedup", "verdict", "reason")
    rows = []
    for layer in layers:
        answer = found["question: as asked" if layer.name == LAYER else f"layer: {layer.name}"]
        rows.append({"name": layer.name, **{name: answer.get(name) for name in names}})
    return {"network": PAPER_NETWORK, "layers": rows, **found["one chip"]}


def _figures(
    rows: Sequence[StudyRow], replica: Replica, network: Document, fpga: Document
) -> list[tuple[str, str, str]]:
    """Return the figures that are told first: name, ours, the paper's."""
    asked = rows[0].answer
    printed = {row.name: row for row in ROWS}["Ours1"].speedups[CONVOLUTIONS.index(LAYER)]
    told = [
        (f"{LAYER}: pruning pays from", times(asked["ratio"]), f"{BREAK_EVEN_RATIO:g}x"),
        *(
            (f"  with {one['assumption']}", times(one["ratio"]), "")
            for one in asked.get("sensitivity", ())
        ),
        (
            f"{LAYER}: speedup at the ratio of Table 8",
            times(asked.get("speedup")), f"{printed:g}x",
        ),
        *(
            (f"{LAYER}, {row.case.name}: pays from", times(row.answer["ratio"]), "")
            for row in rows
            if row.case.section in ("setting", "technology")
        ),
        *(
            (
                f"Table 9, {row.published.name}: all convolutions (slow ones kept dense)",
                f"{row.overall:.2f}x ({row.overall_restored:.2f}x)", f"{row.published.overall:g}x",
            )
            for row in replica.rows
        ),
        ("one chip for all layers, ratios of Table 8: speedup", times(network["speedup"]), ""),
        (f"{FPGA_LAYER} on {DEVICE}: pays from", times(fpga["ratio"]), ""),
    ]  # fmt: skip
    return told


def _layers_text(network: Document) -> str:
    return table(
        ("layer", "pays from", "pruned to", "speedup", "verdict"),
        (
            (
                row["name"], times(row["ratio"]), times(row["given_ratio"]),
                times(row["speedup"]), row["verdict"],
            )
            for row in network["layers"]
        ),
    )  # fmt: skip

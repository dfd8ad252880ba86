"""``bosquet demo``: the bundled LeNet-5 from its ONNX file to break-even, RTL and report."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..hw.design import Design
from ..models.onnx_io import load_network
from ..models.qdq import quantized_from_qdq
from ..sim.breakeven import LayerBreakEven
from ..sim.cost import Area, Technology
from ..sim.dense_baseline import baseline_design
from ..sim.equal_area import Fit
from ..sim.one_chip import OneChip
from ..sim.verdict import NetworkBreakEven, network_breakeven
from .accuracy import measured_accuracy, zoo_card
from .breakeven import BASELINE, pruned_layers, setting_of
from .breakeven_text import network_text
from .emit import OUT, emit_layers
from .integer_layer import QuantizationOptions, integer_layers
from .masked_network import MaskedNetwork, load_masked
from .network_argument import NetworkArgument
from .options import Json, Seed
from .output import document, dumps, write_atomically
from .progress import Progress
from .report import Results, write
from .rtl_run import rtl_text, run_in_rtl
from .simulation import NetworkSimulation
from .stages import Stages
from .versions import package_versions

__all__ = ["demo"]

NETWORK, LAYER = "lenet5", "conv2"

DESIGN = "sparse-16x16"
"""What the layer runs on in the RTL; Amaranth's simulator takes about a minute for it."""

STAGES = {
    "accuracy on the held-out digits, by the integer reference": 3.0,
    "break-even of every layer at equal area": 90.0,
    "where the cycles go on both chips": 3.0,
    f"{LAYER} in the RTL, cycle by cycle": 60.0,
    f"{LAYER} as a Verilog bundle": 15.0,
    "report": 2.0,
}
"""Stages with the seconds they take on two cores, for the time to go."""


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the results and the report.")
    ] = Path("demo_out"),
    rtl_out: Annotated[
        Path, typer.Option("--rtl-out", metavar="DIR", help="Folder that the bundle is made in.")
    ] = OUT,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Take the bundled LeNet-5 to a break-even report and running Verilog, in a few minutes."""
    stages = Stages(STAGES)
    accuracy_stage, breakeven_stage, cycles_stage, rtl_stage, bundle_stage, report_stage = STAGES
    told = _Told(out, as_json)
    card = zoo_card(NETWORK)
    technology = Technology.load()
    masked = load_masked(NetworkArgument(NETWORK), None, seed)

    stages.begin(accuracy_stage)
    accuracy = measured_accuracy(quantized_from_qdq(load_network(NETWORK)))
    told.say(
        "quality", accuracy.to_json(),
        f"{NETWORK}: {accuracy.share:.2%} of the held-out digits right ({accuracy.correct} of"
        f" {accuracy.images}), measured by the integer reference",
    )  # fmt: skip

    stages.begin(breakeven_stage)
    with Progress("  break-even") as progress:
        setting = setting_of(masked, baseline_design(BASELINE), technology, 1.0, seed, progress)
        answer = network_breakeven(pruned_layers(masked), setting)
    told.say("breakeven", answer.to_json(), network_text(answer))
    for one in answer.layers:
        told.keep(f"breakeven_{one.layer.name}", one.to_json())

    stages.begin(cycles_stage)
    for side, found in _on_both_chips(masked, answer.chip, technology):
        told.say(f"simulate_{side}", found.to_json(), f"best {side} chip: {found.text()}")

    stages.begin(rtl_stage)
    options = QuantizationOptions()
    (layer,) = integer_layers(NetworkArgument(NETWORK, LAYER), options, None, seed)
    design = Design.named(DESIGN)
    told.say("rtl", run := run_in_rtl(layer, design), rtl_text(run))

    stages.begin(bundle_stage)
    emitted = emit_layers([layer], design, rtl_out, single=True)
    made = {
        "bundle": str(emitted.bundle.folder),
        "files": list(emitted.bundle.files),
        "cycles": emitted.job.totals["cycles"],
        "quantization": layer.quantization(),
    }
    told.say("emit", made, f"Verilog, testbench and data of {LAYER}: {emitted.bundle.folder}")

    stages.begin(report_stage)
    results = Results(
        network=answer.to_json(),
        layers=tuple(one.to_json() for one in answer.layers if one.points),
        simulations=tuple(told.documents[f"simulate_{side}"] for side in told.sides),
        areas=tuple(_areas(answer)),
        rtl=run,
        quality=accuracy.to_json(),
        bundle=os.path.relpath(emitted.bundle.folder, out),
        provenance={
            "seed": seed,
            "command": "bosquet demo",
            "network": {"name": NETWORK, **card["file"]},
            "recipe": card["recipe"],
            "dataset": card["dataset"],
            "split": card["split"],
            "tools": {**answer.setting.bench.cost.tools, **package_versions()},
        },
        notes=masked.notes,
    )
    report = write(results, out / "report.html")
    told.finish(
        {"network": NETWORK, "report": str(report), "seconds": stages.seconds, "seed": seed},
        f"report: {report}  ({stages.seconds:.0f} s)",
    )
    if not run["equal"]:
        raise typer.Exit(1)


class _Told:
    """Answers as they come: each a file at once, and a text unless JSON is asked for."""

    def __init__(self, out: Path, as_json: bool) -> None:
        self.documents: dict[str, Any] = {}
        self._out = out
        self._as_json = as_json

    @property
    def sides(self) -> list[str]:
        """Chips that were simulated, the dense one first."""
        return [side for side in ("dense", "sparse") if f"simulate_{side}" in self.documents]

    def keep(self, name: str, body: dict[str, Any]) -> None:
        """Store an answer in a file of its own."""
        schema = name.partition("_")[0]
        self.documents[name] = document(schema, body)
        write_atomically(self._out / f"{name}.json", dumps(self.documents[name]))

    def say(self, name: str, body: dict[str, Any], text: str) -> None:
        """Store an answer and tell it."""
        self.keep(name, body)
        if not self._as_json:
            typer.echo(f"{text}\n")

    def finish(self, body: dict[str, Any], text: str) -> None:
        """Store and tell everything together."""
        whole = document("demo", {**body, **self.documents})
        write_atomically(self._out / "demo.json", dumps(whole))
        typer.echo(dumps(whole) if self._as_json else text, nl=not self._as_json)


def _on_both_chips(
    masked: MaskedNetwork, chips: OneChip, technology: Technology
) -> Iterator[tuple[str, NetworkSimulation]]:
    """Simulate the network on the best dense and, where one fits, the best sparse chip."""
    for side, chip in (("dense", chips.dense), ("sparse", chips.sparse)):
        if chip is not None:
            design = replace(chip.fit.design, buffers=chip.fit.buffers)
            with Progress(f"  {side} chip") as progress:
                found = NetworkSimulation.of(masked, design, technology, progress, chip.fit.forms)
            yield side, found


def _areas(answer: NetworkBreakEven) -> Iterator[dict[str, Any]]:
    """Return how both sides spend the area of each layer's baseline."""
    for one in answer.layers:
        for side, fit in _fits(one):
            silicon = fit.area
            if one.baseline is not None and isinstance(silicon, Area):
                yield {
                    "layer": one.layer.name,
                    "side": side,
                    "design": fit.design.name,
                    **silicon.to_json(),
                    "unused_um2": max(0.0, one.baseline.area.total_um2 - silicon.total_um2),
                }


def _fits(one: LayerBreakEven) -> Iterator[tuple[str, Fit]]:
    if one.dense is not None:
        yield "dense", one.dense.fit
    if one.own is not None and one.own.sparse is not None:
        yield "sparse", one.own.sparse.fit

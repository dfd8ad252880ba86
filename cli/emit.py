"""``bosquet emit``: an accelerator with a layer, or all layers, as a Verilog bundle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..hw.bundle import Bundle, bundle_name
from ..hw.bundle import emit as emit_bundle
from ..hw.design import Design
from ..hw.job import Job
from ..hw.program import check_arithmetic
from ..hw.schedule import covering_buffers
from ..sim.cosim import predicted_job
from ..sim.tiling import best_schedule
from .integer_layer import DEFAULT_CODE, IntegerLayer, QuantizationOptions, integer_layers
from .network_argument import NetworkArgument, parse_shape
from .options import (
    ActBits,
    Calibrate,
    DesignName,
    InputShape,
    Json,
    Net,
    Ratio,
    Seed,
    WeightBits,
    WeightCode,
    chosen_design,
)
from .output import document, emit_answer

__all__ = ["OUT", "Emitted", "emit", "emit_layers"]

OUT = Path("rtl_out")
"""Folder that bundles go to where none is given."""


@dataclass(frozen=True, eq=False)
class Emitted:
    """A bundle, and what it was made of.

    Attributes
    ----------
    bundle : Bundle
        What was written.
    job : Job
        Its runs, with what the simulator predicts for them.
    """

    bundle: Bundle
    job: Job


def emit(
    net: Net,
    design: DesignName,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder that the bundle's folder is made in."),
    ] = OUT,
    calibrate: Calibrate = None,
    ratio: Ratio = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    weight_code: WeightCode = None,
    images: Annotated[
        int | None,
        typer.Option("--images", metavar="N", help="Run so many images: one batch without it."),
    ] = None,
    input_shape: InputShape = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write an accelerator as Verilog, with a self-checking testbench of a layer's real data.

    NET gives one accelerator and the data of all its layers, which it runs one after the other.
    """
    chosen = chosen_design(design, weight_bits, act_bits, weight_code)
    argument = NetworkArgument.parse(net)
    options = QuantizationOptions(weight_bits, act_bits, calibrate, weight_code or DEFAULT_CODE)
    layers = integer_layers(argument, options, ratio, seed, parse_shape(input_shape), images)
    made = emit_layers(layers, chosen, out, single=argument.layer is not None)
    totals = made.job.totals
    answer = {
        "bundle": str(made.bundle.folder),
        "files": list(made.bundle.files),
        "cycles": totals["cycles"],
        "cycles_kind": "simulated",
        "counters": totals,
        "network": layers[0].network,
        "layers": [layer["name"] for layer in made.job.layers],
        "runs": len(made.job.runs),
        "images": len(layers[0].features),
        "design": chosen.name,
        "quantization": layers[0].quantization(),
        "seed": seed,
        "notes": list(dict.fromkeys(note for layer in layers for note in layer.notes)),
    }
    emit_answer(document("emit", answer), _text(made, layers, answer), as_json)


def emit_layers(layers: Sequence[IntegerLayer], design: Design, out: Path, single: bool) -> Emitted:
    """Write the bundle of some layers on one design into a folder of its own below ``out``.

    A design without buffers of its own gets those that hold any one of the layers for one batch.

    Raises
    ------
    FitError
        If a layer does not fit the design.
    InputError
        If the folder cannot be written.
    """
    for one in layers:  # first: the schedules of large layers take minutes
        check_arithmetic(one.layer, design)
    if design.buffers is None:
        design = replace(design, buffers=covering_buffers([one.layer for one in layers], design))
    schedules = [best_schedule(one.batched, design) for one in layers]
    job = predicted_job(
        [(schedule, one.features) for schedule, one in zip(schedules, layers, strict=True)]
    )
    names = [layers[0].network, *([layers[0].layer.name] if single else []), design.name]
    # The layer of a layer file is called as its network: once is enough.
    return Emitted(emit_bundle(job, bundle_name(*dict.fromkeys(names)), out), job)


def _text(made: Emitted, layers: Sequence[IntegerLayer], answer: dict[str, Any]) -> str:
    quantization = answer["quantization"]
    lines = [
        f"{made.bundle.folder}: {answer['cycles']:,} cycles in {answer['runs']} runs (simulated)"
        if answer["runs"] > 1
        else f"{made.bundle.folder}: {answer['cycles']:,} cycles (simulated)",
        *(f"  {file}" for file in made.bundle.files),
        f"{quantization['weight_bits']}-bit weights, {quantization['act_bits']}-bit activations,"
        f" calibration: {quantization['calibration']}; activations: {layers[0].features_from}",
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in answer["notes"])])

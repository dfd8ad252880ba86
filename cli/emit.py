"""``bosquet emit``: a layer and its accelerator as a Verilog bundle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ..engine.integer import layer_outputs
from ..hw.bundle import Bundle, bundle_name
from ..hw.bundle import emit as emit_bundle
from ..hw.design import Design
from ..hw.image import Image
from ..hw.manifest import layer_facts
from ..hw.program import Program
from ..sim.cosim import predicted_counters
from .integer_layer import IntegerLayer, QuantizationOptions, integer_layers
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
    chosen_design,
)
from .output import document, emit_answer

__all__ = ["OUT", "Emitted", "emit", "emit_layer"]

OUT = Path("rtl_out")
"""Folder that bundles go to where none is given."""


@dataclass(frozen=True, eq=False)
class Emitted:
    """A bundle, and what the simulator predicts for it.

    Attributes
    ----------
    bundle : Bundle
        What was written.
    counters : dict of str to int
        Predicted counters, by name.
    """

    bundle: Bundle
    counters: dict[str, int]


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
    input_shape: InputShape = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write a layer's accelerator as Verilog, with a self-checking testbench of its real data."""
    chosen = chosen_design(design, weight_bits, act_bits)
    argument = NetworkArgument.parse(net)
    argument.required_layer()
    options = QuantizationOptions(weight_bits, act_bits, calibrate)
    (layer,) = integer_layers(argument, options, ratio, seed, parse_shape(input_shape))
    made = emit_layer(layer, chosen, out)
    answer = {
        "bundle": str(made.bundle.folder),
        "files": list(made.bundle.files),
        "cycles": made.counters["cycles"],
        "cycles_kind": "simulated",
        "counters": made.counters,
        "network": layer.network,
        "layer": layer.layer.name,
        "design": chosen.name,
        "quantization": layer.quantization(),
        "seed": seed,
        "notes": list(layer.notes),
    }
    emit_answer(document("emit", answer), _text(made, layer, answer), as_json)


def emit_layer(layer: IntegerLayer, design: Design, out: Path) -> Emitted:
    """Write the bundle of a layer into a folder of its own below ``out``.

    Raises
    ------
    FitError
        If the layer does not fit the design.
    InputError
        If the folder cannot be written.
    """
    program = Program.plan(layer.layer, design).with_features(layer.layer, layer.features)
    outputs = layer_outputs(layer.layer, layer.features)
    image = Image.of(program, layer.layer, layer.features, outputs)
    counters = predicted_counters(program, image)
    name = bundle_name(layer.network, layer.layer.name, design.name)
    bundle = emit_bundle(image, name, out, counters, layer_facts(program))
    return Emitted(bundle, counters)


def _text(made: Emitted, layer: IntegerLayer, answer: dict[str, Any]) -> str:
    quantization = answer["quantization"]
    lines = [
        f"{made.bundle.folder}: {answer['cycles']:,} cycles (simulated)",
        *(f"  {file}" for file in made.bundle.files),
        f"{quantization['weight_bits']}-bit weights, {quantization['act_bits']}-bit activations,"
        f" calibration: {quantization['calibration']}; activations: {layer.features_from}",
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in layer.notes)])

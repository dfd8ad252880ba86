"""Arguments and options that mean the same in every command."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..hw.design import Design
from ..hw.dram import Dram
from ..hw.tech.liberty import read_library
from ..models.layer import WeightCode as WeightCodeName
from ..sim.technology import Technology

__all__ = [
    "ActBits",
    "Calibrate",
    "DesignName",
    "DramBandwidth",
    "DramLatency",
    "InputShape",
    "Json",
    "LaneTableFile",
    "Liberty",
    "Masks",
    "Net",
    "OutFile",
    "Ratio",
    "Seed",
    "TechnologyCard",
    "WeightBits",
    "WeightCode",
    "chosen_design",
    "chosen_dram",
    "chosen_technology",
]

Net = Annotated[
    str,
    typer.Argument(
        metavar="NET[:LAYER]",
        help="A bundled network (`bosquet models` lists them) or an .onnx file, and one of its"
        " layers; or an .npz file with the arrays of a single layer (weight, activation, ...).",
        show_default=False,
    ),
]
DesignName = Annotated[
    str,
    typer.Option(
        "--design",
        metavar="D",
        help="dense-RxV, sparse-LxV (such as sparse-16x16), eie-N, or a .toml file.",
        show_default=False,
    ),
]
DramBandwidth = Annotated[
    int | None,
    typer.Option(
        "--dram-bandwidth",
        metavar="BITS",
        help="Bits per cycle of each of the three streams from and to memory; without it streams"
        " never wait and loads take no time.",
    ),
]
DramLatency = Annotated[
    int | None,
    typer.Option(
        "--dram-latency",
        metavar="CYCLES",
        help="Cycles until a load begins, 0 if not given; with --dram-bandwidth.",
    ),
]
InputShape = Annotated[
    str | None,
    typer.Option(
        "--input-shape",
        metavar="N,C,H,W",
        help="Shape of the input, for models with symbolic dimensions.",
    ),
]
Ratio = Annotated[
    float | None,
    typer.Option(
        "--ratio",
        metavar="R",
        help="Prune to this ratio (all weights / kept weights, at least 1): real weights by"
        " magnitude, others by uneven masks from --seed.",
    ),
]
Masks = Annotated[
    Path | None,
    typer.Option(
        "--masks",
        metavar="FILE.npz",
        help="Masks, one array (bool, or 0 and 1) for each layer, by its name; other layers keep"
        " their own, or that of --ratio.",
    ),
]
WeightBits = Annotated[
    int | None,
    typer.Option("--weight-bits", metavar="N", help="Width of the weights, 2 to 16."),
]
ActBits = Annotated[
    int | None,
    typer.Option("--act-bits", metavar="N", help="Width of the activations, 2 to 16."),
]
WeightCode = Annotated[
    WeightCodeName | None,
    typer.Option(
        "--weight-code",
        help="Levels of the weights: twos_complement, or zero_free (no 0, for few bits).",
    ),
]
Calibrate = Annotated[
    Path | None,
    typer.Option(
        "--calibrate",
        metavar="FILE.npz",
        help="Images that the activation ranges are taken from; made up from --seed without it.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="S", help="Seed of whatever is random.")]
Json = Annotated[
    bool, typer.Option("--json", help="Answer with one JSON document on standard output.")
]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the JSON document to this file too."),
]
TechnologyCard = Annotated[
    str | None,
    typer.Option(
        "--technology",
        metavar="CARD",
        help="Technology card: generic40, sg13g2, sky130 or a .toml file.",
    ),
]
LaneTableFile = Annotated[
    Path | None,
    typer.Option(
        "--table", metavar="FILE", help="Lane table of `bosquet synth`, besides the shipped one."
    ),
]
Liberty = Annotated[
    Path | None,
    typer.Option("--liberty", metavar="FILE", help="Cell library instead of the built-in one."),
]


def chosen_design(
    name: str,
    weight_bits: int | None,
    act_bits: int | None,
    weight_code: WeightCodeName | None = None,
) -> Design:
    """Return the design that is named, with other widths and codes if they are given.

    Raises
    ------
    DesignError
        If there is no such design, or a width is out of range.
    """
    design = Design.named(name)
    if weight_bits is not None:
        design = replace(design, weight_bits=weight_bits)
    if act_bits is not None:
        design = replace(design, act_bits=act_bits)
    if weight_code is not None and weight_code not in design.weight_codes:
        design = replace(design, weight_codes=(weight_code,))
    return design


def chosen_dram(bandwidth_bits: int | None, latency_cycles: int | None) -> Dram | None:
    """Return what lies at the streams, None for the ``ideal`` environment.

    Raises
    ------
    InputError
        If a number is out of range, or there is a latency without a bandwidth.
    """
    if bandwidth_bits is None:
        if latency_cycles is not None:
            raise InputError("--dram-latency needs --dram-bandwidth BITS")
        return None
    return Dram(bandwidth_bits, latency_cycles or 0)


def chosen_technology(card: str | None, table: Path | None, liberty: Path | None) -> Technology:
    """Return the technology that areas and clocks are told in.

    Raises
    ------
    InputError
        If card, table or library cannot be read, or nothing was measured with the library.
    """
    library = None if liberty is None else read_library(liberty)
    return Technology.load(card, table, library)

"""``bosquet breakeven``: from which pruning ratio on sparse hardware of equal area pays."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..hw.design import Design
from ..models.formats.named import format_named
from ..sim.bench import Bench
from ..sim.breakeven import layer_breakeven
from ..sim.cost import Cost, Technology
from ..sim.dense_baseline import baseline_design
from ..sim.fast_cycles import FastCycles
from ..sim.fpga import fpga_breakeven
from ..sim.pruned_layer import PrunedLayer
from ..sim.sensitivity import assumptions
from ..sim.setting import Setting
from ..sim.study import Subject
from ..sim.verdict import network_breakeven
from ..sim.workload import formats_of
from .breakeven_text import layer_text, network_text
from .fpga_breakeven import fpga_text, placed_points
from .masked_network import MaskedNetwork, load_masked
from .network_argument import NetworkArgument, parse_shape
from .options import (
    ActBits,
    InputShape,
    Json,
    LaneTableFile,
    Liberty,
    Masks,
    OutFile,
    Ratio,
    Seed,
    TechnologyCard,
    WeightBits,
    chosen_technology,
)
from .output import check_places, document, emit_answer
from .paper_breakeven import FIGURE_4_LAYER, paper_answer
from .progress import Progress
from .study import write_study

__all__ = ["BASELINE", "breakeven", "pruned_layers", "setting_of"]

SIMD_GROUPS = (1, 2, 4, 8, 16)

BASELINE = "16x16"
"""Dense baseline where none is given."""

PAPER_BASELINE = "64x16"
"""The same for ``--paper``: the paper does not tell its array; with so many MACs the share of the
weight memory is near what its numbers imply."""

PAPER_NETWORK = "alexnet"


def breakeven(
    net: Annotated[
        str | None,
        typer.Argument(
            metavar="[NET[:LAYER]]",
            help="A bundled network (`bosquet models` lists them) or an .onnx file, and one of its"
            " layers; without one give --paper.",
            show_default=False,
        ),
    ] = None,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper",
            help="Instead of a network: Table 9 of ADMM-NN, AlexNet's convolutions at the ratios of"
            " five prunings, printed beside the same found here, and what makes the 2.22 of its"
            " Figure 4.",
        ),
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="RxV",
            help=f"Dense array whose area every design gets; {BASELINE} if not given"
            f" ({PAPER_BASELINE} with --paper).",
            show_default=False,
        ),
    ] = None,
    weights_on_chip: Annotated[
        float,
        typer.Option(
            "--weights-on-chip",
            metavar="F",
            help="Portion of the weights that the memories hold, above 0 and up to 1; the rest"
            " streams (modelled, not yet in RTL).",
        ),
    ] = 1.0,
    ratio: Ratio = None,
    masks: Masks = None,
    group: Annotated[
        int,
        typer.Option(
            "--group",
            metavar="N",
            help="Prune groups of N consecutive filters at the same positions, whose lanes share"
            f" an index stream: {', '.join(map(str, SIMD_GROUPS))}.",
        ),
    ] = 1,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Index format that the sparse array may use: dense, bitmap, relative4, ... (give"
            " it several times for several); without it the best of all that it reads.",
        ),
    ] = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    input_shape: InputShape = None,
    study: Annotated[
        Path | None,
        typer.Option(
            "--study",
            metavar="DIR",
            help="Ask again for other baselines, memories, formats, widths and groups: tables and"
            " charts in this folder. A run that is stopped goes on from what it holds.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            help="With --study or --paper: processes; one per CPU without it.",
            min=1,
        ),
    ] = None,
    study_liberty: Annotated[
        list[str] | None,
        typer.Option(
            "--study-liberty",
            metavar="FILE[=CARD]",
            help="With --study: the cell library of another technology to ask the same on, and its"
            " technology card (several times for several).",
        ),
    ] = None,
    fpga: Annotated[
        list[str] | None,
        typer.Option(
            "--fpga",
            metavar="DEVICE|FILE",
            help="Instead of silicon of equal area: designs placed on one FPGA. Those that come"
            " with bosquet for a device, or files that `bosquet synth --fpga --json` wrote (several"
            " times for several).",
        ),
    ] = None,
    technology: TechnologyCard = None,
    lane_table: LaneTableFile = None,
    liberty: Liberty = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Find the pruning ratio from which on a sparse array of equal area beats the best dense one.

    With a layer: its curve. With a network: every layer, and the speedup of the whole.
    """
    if paper:
        given = {
            "NET": net, "--ratio": ratio, "--masks": masks, "--input-shape": input_shape,
            "--group": None if group == 1 else group,
        }  # fmt: skip
        _check_alone("--paper", f"asks about {PAPER_NETWORK} at the paper's ratios", given)
    elif net is None:
        raise typer.BadParameter("give NET[:LAYER], or --paper", param_hint="NET")
    argument = NetworkArgument.parse(net or PAPER_NETWORK)
    if study is not None and argument.layer is None:
        raise typer.BadParameter("studies one layer; give NET:LAYER", param_hint="--study")
    if study is not None:
        varied = {"--format": formats, "--group": None if group == 1 else group}
        _check_alone("--study", "asks for each format and each group", varied)
    for name, value in {"--study-liberty": study_liberty, "--jobs": jobs}.items():
        if value and study is None and not (paper and name == "--jobs"):
            also = " or --paper" if name == "--jobs" else ""
            raise typer.BadParameter(f"goes with --study DIR{also}", param_hint=name)
    if fpga:
        silicon_only = {
            "--paper": paper or None, "--study": study, "--baseline": baseline,
            "--format": formats, "--technology": technology, "--lane-table": lane_table,
            "--liberty": liberty, "--weight-bits": weight_bits, "--act-bits": act_bits,
            "--weights-on-chip": None if weights_on_chip == 1 else weights_on_chip,
        }  # fmt: skip
        _check_alone("--fpga", "compares designs that are placed", silicon_only)
        if argument.layer is None:
            raise typer.BadParameter("compares on one layer; give NET:LAYER", param_hint="--fpga")
    read = (argument.network, masks, technology, lane_table, liberty, *(fpga or ()))
    check_places({"--out": out}, read)
    design = _baseline(baseline or (PAPER_BASELINE if paper else BASELINE), weight_bits, act_bits)
    masked = load_masked(argument, ratio, seed, parse_shape(input_shape), masks)
    silicon = chosen_technology(technology, lane_table, liberty)
    layers = pruned_layers(masked, group, seed)
    processes = jobs or os.cpu_count() or 1
    if study is not None:
        others = tuple(_other(text, lane_table) for text in study_liberty or ())
        subject = Subject(masked.name, layers[0], design, weights_on_chip, silicon, seed, others)
        write_study(subject, study, processes, as_json, out)
        return
    with Progress("breakeven") as progress:
        setting = setting_of(masked, design, silicon, weights_on_chip, seed, progress)
        names = _formats(formats or ())
        space = replace(setting.space, simd_group=group)
        setting = replace(setting, space=space, formats=names)
        if fpga:
            placed = fpga_breakeven(
                layers[0], placed_points(fpga), seed, setting.bench,
                lambda done, total: progress(done, total, "curve"),
            )  # fmt: skip
            found, text = placed.to_json(), fpga_text(masked.name, placed)
        elif paper:
            studied = next(layer for layer in layers if layer.name == FIGURE_4_LAYER)
            subject = Subject(masked.name, studied, design, weights_on_chip, silicon, seed)
            found, text = paper_answer(layers, setting, subject, processes, progress)
        elif argument.layer is not None:
            setting = replace(setting, assumptions=assumptions(silicon))
            one = layer_breakeven(layers[0], setting)
            found, text = one.to_json(), layer_text(one)
        else:
            whole = network_breakeven(layers, setting)
            found, text = whole.to_json(), network_text(whole)
    notes = [f"note: {note}" for note in masked.notes]
    answer = document(
        "breakeven",
        {**found, "unsupported": list(masked.unsupported), "notes": list(masked.notes)},
    )
    emit_answer(answer, "\n".join([text, *notes]), as_json, out)


def _check_alone(option: str, does: str, others: Mapping[str, object]) -> None:
    """Refuse options that do not go with another, which ``does`` something else."""
    for name, value in others.items():
        if value is not None:
            raise typer.BadParameter(f"{does}, so without {name}", param_hint=option)


def _formats(names: Sequence[str]) -> tuple[str, ...]:
    """Return formats by name, each once; only those that sparse arrays read."""
    read = [form.name for form in formats_of(Design("sparse", 16, 16))]
    found = tuple(dict.fromkeys(format_named(name).name for name in names))
    for name in found:
        if name not in read:
            raise typer.BadParameter(
                f"is one of {', '.join(read)}, which the sparse array reads, not {name}",
                param_hint="--format",
            )
    return found


def _other(text: str, lane_table: Path | None) -> Technology:
    """Return the technology of ``--study-liberty``."""
    liberty, _, card = text.partition("=")
    return chosen_technology(card or None, lane_table, Path(liberty))


def _baseline(text: str, weight_bits: int | None, act_bits: int | None) -> Design:
    widths = {"weight_bits": weight_bits, "act_bits": act_bits}
    given = {name: bits for name, bits in widths.items() if bits is not None}
    return baseline_design(text, **given)


def pruned_layers(masked: MaskedNetwork, group: int = 1, seed: int = 0) -> list[PrunedLayer]:
    """Return the layers as break-even takes them, pruned in groups of filters if asked for.

    Masks of the network itself or of a file stay as they are.

    Raises
    ------
    InputError
        If a layer has no weight left, or there are no such groups.
    """
    if group not in SIMD_GROUPS:
        allowed = ", ".join(map(str, SIMD_GROUPS))
        raise InputError(f"--group must be one of {allowed} filters, not {group}")
    layers = []
    for layer in masked.layers:
        found = PrunedLayer(layer.shape, layer.mask, layer.weight, group)
        if group > 1 and layer.source in ("magnitude", "uneven"):
            found = replace(found, mask=found.pruned_once(layer.density, seed).mask)
        layers.append(found)
    return layers


def setting_of(
    masked: MaskedNetwork,
    baseline: Design,
    technology: Technology,
    weights_on_chip: float,
    seed: int,
    progress: Progress,
) -> Setting:
    """Return what a break-even question is asked under."""
    return Setting(
        network=masked.name,
        baseline=baseline,
        bench=Bench(Cost(technology), predict=FastCycles()),
        weights_on_chip=weights_on_chip,
        seed=seed,
        progress=lambda what, done, total: progress(done, total, what),
    )

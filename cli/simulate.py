"""``bosquet simulate``: the cycles, area and time of a network or a layer on a design."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..errors import InputError
from ..hw.design import Design
from ..sim.technology import Technology
from .active_layers import ActivityOptions, with_activity
from .fast_simulation import FastNetworkSimulation
from .integer_layer import QuantizationOptions
from .masked_network import load_masked
from .network_argument import NetworkArgument, parse_shape
from .options import (
    ActBits,
    DesignName,
    DramBandwidth,
    DramLatency,
    InputShape,
    Json,
    LaneTableFile,
    Liberty,
    Masks,
    Net,
    OutFile,
    Ratio,
    Seed,
    TechnologyCard,
    WeightBits,
    chosen_design,
    chosen_dram,
    chosen_technology,
)
from .output import check_places, document, emit_answer
from .progress import Progress
from .report import write_simulation
from .simulation import NetworkSimulation
from .trace import TraceCycles, TraceFile, TraceRequest, VcdFile
from .versions import package_versions

__all__ = ["simulate"]

Tier = Literal["exact", "fast"]


def simulate(
    net: Net,
    design: DesignName,
    tier: Annotated[
        Tier,
        typer.Option(
            "--tier",
            help="exact: cycle by cycle what the RTL takes; fast: predicted, within an error that"
            " is told.",
        ),
    ] = "exact",
    ratio: Ratio = None,
    masks: Masks = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            metavar="FILE.npz",
            help="Images that the network is run on: eie-N skips the zeros among its activations.",
        ),
    ] = None,
    activations: Annotated[
        Path | None,
        typer.Option(
            "--activations",
            metavar="FILE.npz",
            help="Activations, one array (batch, in) for each layer, by its name: eie-N skips"
            " their zeros.",
        ),
    ] = None,
    activation_density: Annotated[
        float | None,
        typer.Option(
            "--activation-density",
            metavar="D",
            help="Non-zero activations / all, above 0 and up to 1, drawn from --seed.",
        ),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(
            "--images", metavar="N", help="Run so many images together: one batch without it."
        ),
    ] = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    input_shape: InputShape = None,
    technology: TechnologyCard = None,
    lane_table: LaneTableFile = None,
    liberty: Liberty = None,
    dram_bandwidth: DramBandwidth = None,
    dram_latency: DramLatency = None,
    trace: TraceFile = None,
    vcd: VcdFile = None,
    trace_cycles: TraceCycles = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.html",
            help="Write a page with the roofline, what bounds each layer, stalls and energy.",
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Count the cycles of a network, or of one layer, on a design.

    Cycles are exact: those the RTL takes when its streams never wait, or behind a memory of a given
    bandwidth. They depend on shapes and masks, those of eie-N also on which activations are zero:
    those of lenet5 on its held-out digits, of --calibrate's images, or as --activations or
    --activation-density say. With --tier fast they are predicted, in milliseconds a design.
    """
    if tier == "fast":
        for name, value in (
            ("--dram-bandwidth", dram_bandwidth), ("--dram-latency", dram_latency),
            ("--trace", trace), ("--vcd", vcd), ("--trace-cycles", trace_cycles),
            ("--report", report),
        ):  # fmt: skip
            if value is not None:
                raise InputError(f"{name} needs --tier exact: --tier fast predicts cycles only")
    argument = NetworkArgument.parse(net)
    check_places(
        {"--trace": trace, "--vcd": vcd, "--report": report, "--out": out},
        (argument.network, design, masks, calibrate, activations, technology, lane_table, liberty),
    )
    chosen = chosen_design(design, weight_bits, act_bits)
    dram = chosen_dram(dram_bandwidth, dram_latency)
    wanted = TraceRequest.of(trace, vcd, trace_cycles, argument)
    shape = parse_shape(input_shape)
    options = ActivityOptions(
        QuantizationOptions(weight_bits, act_bits, calibrate), activations, activation_density,
        images, shape, seed,
    )  # fmt: skip
    masked = load_masked(argument, ratio, seed, shape, masks)
    masked = with_activity(masked, argument, chosen, options)
    silicon = chosen_technology(technology, lane_table, liberty)
    if tier == "fast":
        predicted = FastNetworkSimulation.of(masked, chosen, silicon)
        answer = document("simulate", {**predicted.to_json(), "seed": seed})
        emit_answer(answer, predicted.text(), as_json, out)
        return
    with Progress("simulate") as progress:
        found = NetworkSimulation.of(masked, chosen, silicon, progress, dram=dram)
    wanted.write(found)
    answer = document("simulate", {**found.to_json(), "seed": seed})
    if report is not None:
        provenance = {
            "network": net,
            "ratio": ratio,
            "seed": seed,
            **_provenance(chosen, silicon),
            "environment": answer["environment"],
            "energy figures": answer["energy_sources"] or {},
        }
        write_simulation(answer, provenance, report)
        typer.echo(f"written: {report}", err=True)
    emit_answer(answer, found.text(), as_json, out)


def _provenance(design: Design, technology: Technology) -> dict[str, Any]:
    """Return what the figures come from, for the report."""
    return {
        "design": {name: value for name, value in asdict(design).items() if value is not None},
        "technology": technology.to_json(),
        "tools": {**technology.tools, **package_versions()},
    }

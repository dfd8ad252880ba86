"""``bosquet simulate``: the cycles, area and time of a network or a layer on a design."""

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
from .output import document, emit_answer
from .progress import Progress
from .simulation import NetworkSimulation

__all__ = ["simulate"]


def simulate(
    net: Net,
    design: DesignName,
    ratio: Ratio = None,
    masks: Masks = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    input_shape: InputShape = None,
    technology: TechnologyCard = None,
    lane_table: LaneTableFile = None,
    liberty: Liberty = None,
    dram_bandwidth: DramBandwidth = None,
    dram_latency: DramLatency = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Count the cycles of a network, or of one layer, on a design.

    Cycles are exact: those the RTL takes when its streams never wait, or behind a memory of a given
    bandwidth. They depend on shapes and masks, not on values.
    """
    chosen = chosen_design(design, weight_bits, act_bits)
    dram = chosen_dram(dram_bandwidth, dram_latency)
    argument = NetworkArgument.parse(net)
    masked = load_masked(argument, ratio, seed, parse_shape(input_shape), masks)
    silicon = chosen_technology(technology, lane_table, liberty)
    with Progress("simulate") as progress:
        found = NetworkSimulation.of(masked, chosen, silicon, progress, dram=dram)
    answer = document("simulate", {**found.to_json(), "seed": seed})
    emit_answer(answer, found.text(), as_json, out)

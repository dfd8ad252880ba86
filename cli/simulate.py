"""``bosquet simulate``: the cycles, area and time of a network or a layer on a design."""

from .masked_network import load_masked
from .network_argument import NetworkArgument, parse_shape
from .options import (
    ActBits,
    DesignName,
    InputShape,
    Json,
    LaneTableFile,
    Liberty,
    Net,
    OutFile,
    Ratio,
    Seed,
    TechnologyCard,
    WeightBits,
    chosen_design,
    chosen_technology,
)
from .output import document, emit_answer
from .progress import Progress
from .simulation import Simulation
from .trace import TraceCycles, TraceFile, TraceRequest, VcdFile

__all__ = ["simulate"]


def simulate(
    net: Net,
    design: DesignName,
    ratio: Ratio = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    input_shape: InputShape = None,
    technology: TechnologyCard = None,
    lane_table: LaneTableFile = None,
    liberty: Liberty = None,
    trace: TraceFile = None,
    vcd: VcdFile = None,
    trace_cycles: TraceCycles = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Count the cycles of a network, or of one layer, on a design.

    Cycles are exact: those the RTL takes when its streams never wait. They depend on shapes and
    masks, not on values.
    """
    chosen = chosen_design(design, weight_bits, act_bits)
    argument = NetworkArgument.parse(net)
    wanted = TraceRequest.of(trace, vcd, trace_cycles, argument)
    masked = load_masked(argument, ratio, seed, parse_shape(input_shape))
    silicon = chosen_technology(technology, lane_table, liberty)
    with Progress("simulate") as progress:
        found = Simulation.of(masked, chosen, silicon, progress)
    wanted.write(found)
    answer = document("simulate", {**found.to_json(), "seed": seed})
    emit_answer(answer, found.text(), as_json, out)

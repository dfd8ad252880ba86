"""Laws that any cycle count must obey, on every family, format and environment, without tolerance.

What more weights cost is in ``test_more_weights``; the EIE array has ``test_eie_laws``.
"""

from dataclasses import replace

import numpy as np
import pytest
from drawn_work import KINDS, Work, works
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.loads import Loads
from bosquet.hw.part import MaskedPart
from bosquet.hw.program import Program
from bosquet.models.formats import Dense
from bosquet.models.layer import LayerShape
from bosquet.sim.counters import STALLS, Counters
from bosquet.sim.exact import simulate
from bosquet.sim.exact_dram import predicted_in_dram, simulate_in_dram

WITH_SETS = ("dense", "window", "simd", "port")
"""EIE PEs have one set of accumulators."""

drams = st.builds(Dram, st.integers(1, 200), st.integers(0, 9))


def cycles_with(work: Work, **fields: object) -> int:
    """Return the cycles of the same work on a design that differs in some fields."""
    design = replace(work.design, **fields)  # type: ignore[arg-type]
    return simulate(replace(work, design=design).program).cycles


# ---- counters ------------------------------------------------------------------------------------


def check(counted: Counters, program: Program) -> None:
    assert 0 <= counted.utilization <= 1
    assert set(counted.stalls) == set(STALLS)
    assert all(lost >= 0 for lost in counted.stalls.values())
    assert counted.compute + sum(counted.stalls.values()) == program.design.lanes * counted.cycles


@given(work=works(), dram=drams, loads=st.lists(st.integers(1, 50), max_size=2))
def test_every_lane_cycle_has_one_cause(work: Work, dram: Dram, loads: list[int]) -> None:
    program = work.program
    ideal, slow = simulate(program), simulate_in_dram(program, loads, dram)
    check(ideal, program)
    check(slow, program)
    assert ideal.cycles <= slow.cycles
    for counter in ("compute", "output_beats"):
        assert getattr(slow, counter) == getattr(ideal, counter)
    assert ideal.stalls["dram"] == 0
    assert slow.stalls["filler"] == ideal.stalls["filler"]


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_layer(kind: str, kept: int) -> None:
    """One lane, one position, one weight, which is kept or not."""
    design = {
        "dense": Design.dense(1, 1),
        "window": Design("sparse", 1, 1),
        "simd": Design("sparse", 2, 1, simd_group=2),
        "port": Design.port(1, 1),
        "eie": Design.eie(1),
    }[kind]
    shape = LayerShape("one", "fc", 1, 1)
    program = Program.plan(MaskedPart(shape, np.full(shape.weight_shape, bool(kept))), design)
    for counted in (simulate(program), simulate_in_dram(program, [1], Dram(3, 2))):
        check(counted, program)
        # Lanes of a group compute in step; the dense format multiplies what is pruned, too.
        stored = 1 if isinstance(program.format, Dense) else kept
        assert counted.compute == stored * design.simd_group
        assert counted.output_beats == 1


@given(work=works())
def test_an_empty_layer_computes_nothing(work: Work) -> None:
    assume(not isinstance(work.form, Dense) and work.design.family != "dense")
    empty = MaskedPart(work.layer.shape, np.zeros_like(work.layer.mask))
    program = replace(work, layer=empty).program
    counted = simulate(program)
    check(counted, program)
    assert counted.compute == 0
    assert counted.output_beats == simulate(work.program).output_beats > 0


@given(work=works(WITH_SETS))
def test_no_faster_than_the_busiest_stage(work: Work) -> None:
    program, design = work.program, work.design
    counted = simulate(program)
    layout, passes = program.layout, program.layout.position_tiles
    visits = design.drain_groups * program.group_cycles
    entries = np.array([[own.entry_positions.size for own in of] for of in program.streams])
    # With a second set of accumulators a lane with ports goes on to the next tile alone.
    alone = design.delivery == "port"
    busiest = entries.sum(axis=0).max() if alone else entries.max(axis=1).sum()
    last_position = max(int(own.entry_positions[-1]) for own in program.streams[-1])
    assert counted.cycles >= passes * busiest
    # The last pass needs no turn of lanes without a filter.
    all_but_one = passes * program.tiles - 1
    assert counted.cycles > all_but_one * visits
    # Nor any steps behind its last entry; lanes with ports have no steps.
    if design.delivery != "port":
        assert counted.cycles > all_but_one * layout.steps + last_position // layout.step_vectors
    # A dense lane counts once where its columns have filters of their own.
    if layout.lane_filters == 1:
        assert counted.compute == passes * program.kept_weights


@given(work=works(("window", "port")))
def test_lanes_that_share_everything_are_interchangeable(work: Work) -> None:
    # Lanes 0 and 1 share their cluster, and here their group of the output stage.
    design = work.design
    assume(design.lanes > 1 and design.simd_group == 1)
    program = replace(work, design=replace(design, drain=2)).program
    order = [1, 0, *range(2, design.lanes)]
    swapped = replace(
        program,
        assignment=program.assignment[:, order],
        streams=tuple(tuple(lanes[lane] for lane in order) for lanes in program.streams),
    )
    assert simulate(swapped) == simulate(program)


# ---- the numbers of the filters ------------------------------------------------------------------


def permuted(layer: MaskedPart, simd_group: int, seed: int) -> MaskedPart:
    """Permute the whole SIMD groups of each convolution group, and the filters within them."""
    random, groups = np.random.default_rng(seed), layer.shape.groups
    each = layer.shape.out_channels // groups
    whole = each - each % simd_group
    order = []
    for first in range(0, groups * each, each):
        blocks = first + np.arange(whole).reshape(-1, simd_group)
        order += random.permuted(random.permutation(blocks), axis=1).ravel().tolist()
        order += range(first + whole, first + each)
    return MaskedPart(layer.shape, layer.mask[order])


@given(work=works(), seed=st.integers(0, 2**32), dram=drams)
def test_a_permutation_of_filters_changes_nothing_but_the_assignment(
    work: Work, seed: int, dram: Dram
) -> None:
    # Filters with equally many weights are dealt by where those are, not by their numbers.
    other = replace(work, layer=permuted(work.layer, work.design.simd_group, seed))
    before, after = work.program, other.program
    assert simulate(after) == simulate(before)
    assert after.buffers == before.buffers
    assert Loads.of(after) == Loads.of(before)
    assert simulate_in_dram(after, [], dram) == simulate_in_dram(before, [], dram)
    there = before.assignment >= 0
    np.testing.assert_array_equal(after.assignment >= 0, there)
    if work.design.simd_group == 1 and not isinstance(before.format, Dense):
        np.testing.assert_array_equal(
            other.layer.mask[after.assignment[there]], work.layer.mask[before.assignment[there]]
        )


# ---- more buffer, more bandwidth -----------------------------------------------------------------


@given(work=works(("window", "simd", "port")), deeper=st.integers(1, 8))
def test_a_deeper_fifo_never_costs_cycles(work: Work, deeper: int) -> None:
    less, more = work.design.fifo_depth, work.design.fifo_depth + deeper
    assert cycles_with(work, fifo_depth=more) <= cycles_with(work, fifo_depth=less)


@given(work=works(("window", "simd")))
def test_more_windows_never_cost_cycles(work: Work) -> None:
    cycles = [cycles_with(work, run_ahead=windows) for windows in (1, 2, 3, 4)]
    assert cycles == sorted(cycles, reverse=True)


@given(work=works(WITH_SETS))
def test_a_second_set_of_accumulators_never_costs_cycles(work: Work) -> None:
    assert cycles_with(work, acc_sets=2) <= cycles_with(work, acc_sets=1)


@given(
    work=works(),
    bandwidths=st.lists(st.integers(1, 200), min_size=2, max_size=3),
    latencies=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    runs=st.integers(1, 3),
    sets=st.sampled_from([1, 2]),
)
def test_more_bandwidth_and_less_latency_never_cost_cycles(
    work: Work, bandwidths: list[int], latencies: tuple[int, int], runs: int, sets: int
) -> None:
    program = replace(work, design=replace(work.design, buffer_sets=sets)).program
    loads = Loads.of(program)
    beats = [(loads.weight_beats, loads.feature_beats), (loads.feature_beats,), ()][:runs]
    cycles = [
        predicted_in_dram([program] * runs, beats, Dram(bits, cycles)).cycles
        for bits, cycles in [
            *((bits, max(latencies)) for bits in sorted(bandwidths)),
            (max(bandwidths), min(latencies)),
        ]
    ]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[-1] >= runs * simulate(program).cycles


@given(work=works(), dram=drams, runs=st.integers(1, 4))
def test_a_second_buffer_set_never_costs_cycles(work: Work, dram: Dram, runs: int) -> None:
    programs = {sets: replace(work, design=replace(work.design, buffer_sets=sets)).program
                for sets in (1, 2)}  # fmt: skip
    loads = Loads.of(programs[1])
    beats = [(loads.weight_beats, loads.feature_beats)] * runs
    one, two = (predicted_in_dram([programs[n]] * runs, beats, dram) for n in (1, 2))
    assert two.cycles <= one.cycles
    assert two.cycles - one.cycles == (two.stalls["dram"] - one.stalls["dram"]) // one.lanes


@settings(max_examples=60)
@given(work=works(), times=st.integers(1, 300))
def test_deeper_memories_change_nothing_but_addresses(work: Work, times: int) -> None:
    program = work.program
    # A design whose memory does not hold one window is refused.
    words = max(program.buffers.feature_words, work.design.window)
    need = replace(program.buffers, feature_words=words)
    more = replace(need, **{name: times * getattr(need, name) for name in vars(need)})
    tight, deep = (replace(work, design=replace(work.design, buffers=own)).program
                   for own in (need, more))  # fmt: skip
    assert simulate(deep) == simulate(tight) == simulate(program)
    loads, deeper = Loads.of(tight), Loads.of(deep)
    assert deeper.feature_beats == loads.feature_beats
    if isinstance(program, EieProgram) or work.design.delivery == "port":
        # Column pointers and bases are addresses, which are wider in deeper memories.
        assert deeper.weight_beats >= loads.weight_beats
    else:
        assert deeper == loads


@pytest.mark.parametrize("design", [Design.eie(12), Design.port(12, 2)], ids=["eie", "port"])
def test_wider_addresses_take_longer_to_load(design: Design) -> None:
    """Why the law above leaves out the weight loads of these: fewer of them fit a beat."""
    shape = LayerShape("full", "fc", 40, 36)
    program = Program.plan(MaskedPart(shape, np.ones(shape.weight_shape, np.bool_)), design)
    need = program.buffers
    deep = replace(need, **{name: 100 * getattr(need, name) for name in vars(need)})
    deeper = replace(program, design=replace(design, buffers=deep))
    assert Loads.of(deeper).weight_beats > Loads.of(program).weight_beats

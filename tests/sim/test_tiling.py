"""Which parts a layer is cut into: the fewest cycles of what fits, in both environments."""

from dataclasses import replace

import numpy as np
import pytest

from bosquet.errors import FitError
from bosquet.hw.cuts import Cuts
from bosquet.hw.design import Buffers, Design
from bosquet.hw.dram import Dram
from bosquet.hw.part import Part
from bosquet.hw.program import Program
from bosquet.hw.registers import layer_layout
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.tiling import best_schedule, simulated
from bosquet.sim.workload import Workload


def layer(channels: int, filters: int, height: int, width: int, seed: int) -> Workload:
    shape = LayerShape("cut", "conv", channels, filters, (3, 3), padding=(1, 1, 1, 1),
                       height=height, width=width)  # fmt: skip
    return Workload(shape, uneven_mask(shape.weight_shape, 0.3, seed))


def with_less(design: Design, work: Workload, **shares: float) -> Design:
    """Return the design with buffers for the whole layer, some of them smaller."""
    need = Program.plan(work, design).buffers
    less = {name: max(1, int(share * getattr(need, name))) for name, share in shares.items()}
    return replace(design, buffers=replace(need, **less))


def every_cut(work: Workload, design: Design, dram: Dram | None) -> list[int]:
    """Return the cycles of every way to cut filters and rows that fits."""
    shape, whole = work.shape, Cuts.none(work.shape)
    found = []
    for filters in range(design.lanes, shape.out_channels + design.lanes, design.lanes):
        for rows in range(1, shape.out_height + 1):
            for inner in ("positions", "filters"):
                cuts = replace(whole, filters=filters, rows=rows, inner=inner)
                schedule = Schedule.cut(work, design, cuts)
                if isinstance(schedule, Schedule):
                    found.append(cost(schedule, dram))
    return found


def cost(schedule: Schedule, dram: Dram | None) -> int:
    """Return the cycles of the runs, and of the writes to their registers."""
    registers = len(layer_layout(schedule.design).members)
    return simulated(schedule, dram).cycles + len(schedule.runs) * (registers + 1)


@pytest.mark.parametrize("name", ["sparse-4x4", "sparse-8x4", "dense-4x4"])
@pytest.mark.parametrize("dram", [None, Dram(64, 30), Dram(32, 0)], ids=["ideal", "dram", "slow"])
@pytest.mark.parametrize("sets", [1, 2])
def test_hardly_any_way_to_cut_takes_fewer_cycles(name: str, dram: Dram | None, sets: int) -> None:
    work = layer(8, 24, 7, 6, seed=sets)
    design = replace(Design.named(name), buffer_sets=sets)
    design = with_less(design, work, weight_words=0.6, feature_words=0.5)
    plain, best = Schedule.plan(work, design), best_schedule(work, design, None, dram)
    assert len(plain.runs) > 1
    assert cost(best, dram) <= cost(plain, dram)
    assert cost(best, dram) <= 1.03 * min(every_cut(work, design, dram))


def test_a_row_less_can_save_a_vector() -> None:
    """Rows of 3 + 2 positions on vectors of 10: two rows fill one."""
    work = layer(8, 4, 8, 3, seed=0)
    design = with_less(Design("sparse", 4, 10), work, feature_words=0.8)
    by_two = best_schedule(work, design)
    assert {len(run.part.rows) % 2 for run in by_two.runs} == {0}
    vectors = [run.program.layout.position_tiles for run in by_two.runs]
    assert sum(vectors) == 4


def test_what_fits_is_cut_so_that_loads_overlap() -> None:
    """Two buffer sets: the weights of the next filters come while the first are worked on."""
    work, dram = layer(16, 32, 8, 8, seed=3), Dram(16, 0)
    one = replace(Design.named("sparse-4x4"), buffer_sets=1)
    one = replace(one, buffers=Program.plan(work, one).buffers)
    two = replace(one, buffer_sets=2)
    assert len(best_schedule(work, one, None, dram).runs) == 1
    assert len(best_schedule(work, two).runs) == 1
    overlapped = best_schedule(work, two, None, dram)
    assert len(overlapped.runs) > 1
    alone = simulated(Schedule.plan(work, two), dram).cycles
    assert simulated(overlapped, dram).cycles < 0.9 * alone


def test_more_bandwidth_never_costs_cycles() -> None:
    work = layer(16, 24, 9, 7, seed=5)
    design = replace(Design.named("sparse-4x4"), buffer_sets=2)
    design = with_less(design, work, weight_words=0.6)
    schedule = best_schedule(work, design, None, Dram(64, 10))
    cycles = [simulated(schedule, Dram(bits, 10)).cycles for bits in (8, 16, 40, 64, 256, 4096)]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[-1] >= simulated(schedule).cycles


def test_rows_that_see_nothing_but_padding_are_not_cut_off() -> None:
    shape = LayerShape("padded", "conv", 4, 16, (2, 2), padding=(3, 0, 0, 0), height=6, width=6)
    work = Workload(shape, uneven_mask(shape.weight_shape, 0.5, 1))
    design = with_less(Design.named("sparse-4x4"), work, weight_words=0.7)
    best = best_schedule(work, design)
    assert {len(run.part.rows) for run in best.runs} == {8}
    assert len(best.runs) > 1


@pytest.mark.parametrize("name", ["sparse-4x4", "dense-4x4"])
@pytest.mark.parametrize("dram", [None, Dram(64, 30)], ids=["ideal", "dram"])
def test_larger_buffers_never_cost_cycles_on_a_fixed_schedule(name: str, dram: Dram | None) -> None:
    """The same cuts: which ones are chosen is predicted, and can be worse in larger buffers."""
    work = layer(8, 24, 7, 6, seed=7)
    small = with_less(Design.named(name), work, weight_words=0.5, feature_words=0.5)
    large = with_less(Design.named(name), work, weight_words=2.0, feature_words=3.0)
    cuts = replace(Cuts.none(work.shape), filters=8, rows=2)
    less, more = (Schedule.cut(work, design, cuts) for design in (small, large))
    assert isinstance(less, Schedule)
    assert isinstance(more, Schedule)
    assert len(less.runs) == len(more.runs) > 1
    assert simulated(more, dram) == simulated(less, dram)


def test_what_no_cut_makes_fit_is_refused() -> None:
    work = layer(8, 8, 5, 5, seed=1)
    design = with_less(Design.named("sparse-4x4"), work, offset_words=0.0)
    with pytest.raises(FitError, match=r"offset_words of sparse-4x4: \d+ words needed, 1 there"):
        best_schedule(work, design)


def test_sums_that_stay_in_the_lanes_keep_the_fixed_rule() -> None:
    work = layer(16, 8, 6, 6, seed=1)
    design = with_less(Design.named("sparse-4x4"), work, weight_words=0.2)
    best = best_schedule(work, design)
    assert any(run.accumulate for run in best.runs)
    filters = np.concatenate([list(run.part.filters) for run in best.runs])
    assert set(filters) == set(range(8))


def test_ways_with_too_many_runs_are_not_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map of 500 x 2000 has millions of small parts: laying them all out took minutes."""
    laid_out = 0
    shape_of = Part.shape_of

    def counted(part: Part, shape: LayerShape) -> LayerShape:
        nonlocal laid_out
        laid_out += 1
        return shape_of(part, shape)

    shape = LayerShape("large", "conv", 1, 4, (3, 3), height=500, width=2000)
    layer = Workload(shape, uneven_mask(shape.weight_shape, 0.5, seed=1))
    design = replace(
        Design("sparse", 4, 16, window=8, feed=8, run_ahead=1),
        buffers=Buffers(64, 64, 4096, 64, 64),
    )
    monkeypatch.setattr(Part, "shape_of", counted)
    schedule = best_schedule(layer, design)
    assert len(schedule.runs) > 1
    assert laid_out < 100_000

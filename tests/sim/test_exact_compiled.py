"""The compiled recurrence against the NumPy one: equal counters on layers of all kinds."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from drawn_work import Work, works
from hypothesis import given

from bosquet.hw.design import Design
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Dense, Relative
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim import compilation
from bosquet.sim.counters import Counters
from bosquet.sim.exact import simulate
from bosquet.sim.exact_sparse import simulate_sparse
from bosquet.sim.output_stage import OutputStage
from bosquet.sim.random_cases import random_case
from bosquet.sim.workload import Workload

pytest.importorskip("numba", reason="the compiled recurrence needs the extra bosquet[fast]")

from bosquet.sim.exact_compiled import simulate_compiled


def both(program: Program) -> tuple[Counters, Counters]:
    def stage() -> OutputStage:
        return OutputStage(program.design, program.group_cycles)

    return simulate_compiled(program, stage()), simulate_sparse(program, stage())


@given(work=works(("window", "simd", "port")))
def test_layers_of_the_laws(work: Work) -> None:
    """What ``test_laws`` finds of one holds for the other: their counters are equal."""
    compiled, plain = both(work.program)
    assert compiled == plain


def random_programs(start: int, count: int) -> Iterator[Program]:
    for index in range(start, start + count):
        case = random_case(77, index)
        if case.design.family == "sparse":
            yield from (run.program for run in case.schedule.runs[:3])


@pytest.mark.parametrize("start", range(0, 120, 20))
def test_random_layers(start: int) -> None:
    programs = list(random_programs(start, 20))
    assert len(programs) > 10
    for program in programs:
        compiled, plain = both(program)
        assert compiled == plain, program.design


@pytest.mark.parametrize("form", [Bitmap(), Relative(4), Dense()])
@pytest.mark.parametrize(
    "design",
    [
        Design.named("sparse-16x2"),
        replace(Design.named("sparse-4x1"), run_ahead=1, window=2, feed=1, fifo_depth=2),
        replace(Design.named("sparse-8x2"), acc_sets=1, drain=4, simd_group=2),
        Design.port(6, 2),
    ],
    ids=lambda design: f"{design.name}-{design.delivery}",
)
def test_many_passes_that_repeat(design: Design, form: Bitmap | Relative | Dense) -> None:
    """Hundreds of passes a tile: nearly all are skipped, by both in their own way."""
    shape = LayerShape("long", "conv", 6, 20, (3, 3), padding=(1, 1, 1, 1), height=30, width=17)
    work = Workload(shape, uneven_mask(shape.weight_shape, 0.2, 5))
    compiled, plain = both(Program.plan(work, design, form))
    assert compiled == plain


def test_small_work_does_not_wait_for_numba(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shape = LayerShape("small", "conv", 4, 4, height=4, width=4)
    program = Program.plan(
        Workload(shape, uneven_mask(shape.weight_shape, 0.5, 1)), Design.named("sparse-4x2")
    )
    both(program)  # so that it is compiled
    monkeypatch.delitem(sys.modules, "bosquet.sim.exact_compiled")
    monkeypatch.setattr(compilation, "_spent_s", 0.0)
    assert not compilation.compiled_pays(program)
    monkeypatch.setattr(compilation, "_spent_s", 2 * compilation._LOADING_S)
    assert compilation.compiled_pays(program)
    assert simulate(program) == both(program)[1]
    monkeypatch.delitem(sys.modules, "bosquet.sim.exact_compiled")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))  # nothing compiled: it takes longer to pay
    monkeypatch.setattr(compilation, "_spent_s", 2 * compilation._LOADING_S)
    assert not compilation.compiled_pays(program)
    monkeypatch.setattr(compilation, "_spent_s", 2 * compilation._COMPILING_S)
    assert compilation.compiled_pays(program)
    monkeypatch.setattr(compilation, "_INSTALLED", False)
    assert not compilation.compiled_pays(program)

"""The bench asks each question once; its undelayed cycles are never above the exact ones."""

import pytest
from ideal_silicon import IdealCost, IdealCycles

from bosquet.hw.design import Design
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.bench import Bench
from bosquet.sim.fast_cycles import FastCycles
from bosquet.sim.workload import Workload

SHAPE = LayerShape("layer", "conv", 16, 12, (3, 3), height=6, width=6)
DESIGN = Design("sparse", 4, 8, feed=4)


def workload(density: float, seed: int = 0) -> Workload:
    return Workload(SHAPE, uneven_mask(SHAPE.weight_shape, density, seed))


def test_a_program_is_simulated_once() -> None:
    asked: list[str] = []

    def count(program: Program) -> IdealCycles:
        asked.append(program.format.name)
        return IdealCycles(len(asked))

    bench = Bench(IdealCost(), count)
    first = workload(0.5)
    assert bench.cycles(first, DESIGN, Relative(4)) == 1
    assert bench.cycles(workload(0.5), DESIGN, Relative(4)) == 1
    assert bench.cycles(first, DESIGN, Dense()) == 2
    assert bench.cycles(workload(0.5, seed=1), DESIGN, Relative(4)) == 3
    assert asked == ["relative4", "dense", "relative4"]
    assert bench.simulations == 3


def test_area_and_frequency_are_computed_once() -> None:
    class Counting(IdealCost):
        calls = 0

        def area(self, *of: object) -> object:  # type: ignore[override]
            Counting.calls += 1
            return super().area(*of)  # type: ignore[arg-type]

    bench = Bench(Counting())  # type: ignore[arg-type]
    load = workload(0.5)
    buffers = load.buffers(DESIGN, load.load(DESIGN, Dense()))
    assert bench.area(DESIGN, buffers) is bench.area(DESIGN, buffers)
    assert Counting.calls == 1
    assert bench.frequency(DESIGN, buffers) is bench.frequency(DESIGN, buffers)


@pytest.mark.parametrize("density", [0.05, 0.2, 0.6])
@pytest.mark.parametrize("form", [Bitmap(), Relative(4)])
def test_undelayed_cycles_are_close_below(density: float, form: IndexFormat) -> None:
    bench = Bench(IdealCost())
    exact = bench.cycles(workload(density), DESIGN, form)
    quick = bench.cycles_undelayed(workload(density), DESIGN, form)
    assert 0.8 * exact < quick <= exact
    if isinstance(form, Relative):
        assert quick == exact


def test_undelayed_bitmap_is_below_where_zero_words_are_skipped() -> None:
    bench = Bench(IdealCost())
    design = Design("sparse", 2, 8, feed=8, window=16, run_ahead=4)
    sparse = workload(0.01)
    assert bench.cycles_undelayed(sparse, design, Bitmap()) <= bench.cycles(
        sparse, design, Bitmap()
    )


def test_without_a_predictor_cycles_are_simulated() -> None:
    bench = Bench(IdealCost())
    simulated = bench.cycles_undelayed(workload(0.2), DESIGN, Bitmap())
    assert bench.cycles_predicted(workload(0.2), DESIGN, Bitmap()) == simulated


@pytest.mark.parametrize("form", [Bitmap(), Relative(4), Dense()])
def test_a_layer_is_predicted_once(form: IndexFormat) -> None:
    asked: list[Design] = []

    def predict(workload: Workload, design: Design, form: IndexFormat) -> int:
        asked.append(design)
        return FastCycles()(workload, design, form)

    bench = Bench(IdealCost(), predict=predict)
    exact = bench.cycles(workload(0.2), DESIGN, form)
    predicted = bench.cycles_predicted(workload(0.2), DESIGN, form)
    assert predicted == pytest.approx(exact, rel=0.01)
    other = bench.with_cost(IdealCost(2.0))
    assert other.cycles_predicted(workload(0.2), DESIGN, form) == predicted
    assert len(asked) == 1

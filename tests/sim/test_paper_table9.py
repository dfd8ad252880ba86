"""Table 9 here: what the cells stand for, and the two ways to count all of them."""

import json

import pytest
from ideal_silicon import IdealCost

from bosquet.models.layer import LayerShape
from bosquet.sim.bench import Bench
from bosquet.sim.dense_baseline import baseline_design
from bosquet.sim.paper import CONVOLUTIONS, ROWS, Replica, ReplicaCell, ReplicaRow, table9
from bosquet.sim.paper.published import overall
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.setting import Setting

SPACE = SearchSpace(
    vectors=(4,), windows=(8,), run_aheads=(1,), feeds=(4,), drains=(1,), drain_cycles=(1,)
)
COST = IdealCost(sparse_lane_um2=1.3, word_um2=0.02, feature_word_um2=0.001, sparse_hz=0.97)


def shape(name: str) -> LayerShape:
    return LayerShape(name, "conv", 8, 24, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)


@pytest.fixture(scope="module")
def replica() -> Replica:
    layers = [PrunedLayer.of_shape(shape(name), 4, 0) for name in CONVOLUTIONS]
    setting = Setting("alexnet", baseline_design("4x8"), Bench(COST), space=SPACE)
    return table9(layers, setting)


def test_has_every_cell_of_the_table(replica: Replica) -> None:
    assert [row.published for row in replica.rows] == list(ROWS)
    for row in replica.rows:
        assert [cell.layer for cell in row.cells] == list(CONVOLUTIONS)
        assert [cell.ratio for cell in row.cells] == list(row.published.ratios)
        assert [cell.published for cell in row.cells] == list(row.published.speedups)


def test_a_layer_that_the_paper_leaves_dense_counts_one(replica: Replica) -> None:
    first = replica.rows[0].cells[0]
    assert (first.ratio, first.speedup, first.point) == (1.0, 1.0, None)


def test_cells_are_points_at_their_ratio(replica: Replica) -> None:
    for cell in [cell for row in replica.rows for cell in row.cells if cell.point]:
        assert cell.point is not None
        assert cell.point["ratio"] == cell.ratio
        assert cell.point["speedup"] == cell.speedup


def test_more_pruning_is_faster(replica: Replica) -> None:
    by_ratio = sorted(
        (cell for row in replica.rows for cell in row.cells if cell.layer == "conv4"),
        key=lambda cell: cell.ratio,
    )
    speedups = [cell.speedup for cell in by_ratio]
    assert speedups == sorted(speedups)
    assert speedups[0] < speedups[-1]


def cells(*speedups: float) -> tuple[ReplicaCell, ...]:
    return tuple(
        ReplicaCell(name, 2.0, 1.0, speedup, {})
        for name, speedup in zip(CONVOLUTIONS, speedups, strict=True)
    )


def test_slow_layers_are_restored() -> None:
    row = ReplicaRow(ROWS[2], cells(0.5, 2, 2, 2, 2))
    assert row.overall == pytest.approx(overall([0.5, 2, 2, 2, 2]))
    assert row.overall_restored == pytest.approx(overall([1, 2, 2, 2, 2]))
    assert row.to_json()["restored"] == ["conv1"]


def test_a_layer_that_does_not_fit_counts_nothing() -> None:
    row = ReplicaRow(ROWS[2], cells(0.0, 2, 2, 2, 2))
    assert row.overall == 0
    assert row.overall_restored == pytest.approx(overall([1, 2, 2, 2, 2]))


def test_document_is_plain_and_says_what_differs(replica: Replica) -> None:
    values = json.loads(json.dumps(replica.to_json(), allow_nan=False))
    assert values["accounting"] == "per_layer"
    assert len(values["assumptions"]) >= 5
    assert "dense-4x8" in values["assumptions"][0]
    row = values["rows"][4]
    assert {"overall", "overall_restored", "overall_published", "ratios_from"} <= set(row)
    again = [ReplicaCell(**cell) for cell in row["layers"]]
    assert [cell.speedup for cell in again] == [cell.speedup for cell in replica.rows[4].cells]

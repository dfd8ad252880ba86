"""Points: figures equal to those of the simulator, refusals with their reason, other geometry."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sweep_networks import SHAPES, points_of, runner_of, small, trained

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.models.formats import Bitmap
from bosquet.models.masks import seed_for, uneven_mask
from bosquet.sim.counters import STALLS
from bosquet.sim.simulate import Simulation
from bosquet.sim.sweep.columns import LAYERS, POINTS, rows
from bosquet.sim.sweep.grid import Point
from bosquet.sim.sweep.point import Result, Runner
from bosquet.sim.technology import Technology

DESIGN = {"design": {"base": "sparse-4x4"}}


def only(values: dict[str, Any], **options: Any) -> tuple[Runner, Point, Result]:
    runner = runner_of(values, **options)
    (point,) = points_of(runner)
    return runner, point, runner(point)


def test_figures_are_those_of_the_simulator() -> None:
    runner, point, found = only({**DESIGN, "sweep": {"ratio": 3, "format": "bitmap", "seed": 4}})
    network = small("small", None, 3, 4)
    expected = Simulation.of(network.layers, Design.named("sparse-4x4"), Technology.load(),
                             lambda *_: None, [Bitmap(), Bitmap()])  # fmt: skip
    assert expected.silicon.area
    assert found.status == "ok"
    row, layers = rows(point, found, runner)
    assert row["cycles"] == expected.cycles
    assert row["latency_s"] == expected.latency_s
    assert row["area_um2"] == expected.silicon.area.total_um2
    assert row["macs"] == 72 * 16 + 48
    # round(72 / 3) and round(48 / 3) weights are kept, the first ones at 16 positions.
    assert row["effectual_macs"] == 24 * 16 + 16
    assert row["density"] == (24 + 16) / (72 + 48)
    for layer, one in zip(layers, expected.layers, strict=True):
        assert (layer["layer"], layer["stored_format"]) == (one.name, "bitmap")
        assert layer["cycles"] == one.counters.cycles
        assert layer["compute_lane_cycles"] == one.counters.compute
        for cause in STALLS:
            assert layer[f"stall_{cause}_lane_cycles"] == one.counters.stalls[cause]
    lost = sum(row[f"stall_{cause}_lane_cycles"] for cause in STALLS)
    assert row["compute_lane_cycles"] + lost == 4 * row["cycles"]
    assert row["utilization"] == row["compute_lane_cycles"] / (4 * row["cycles"])


def test_a_memory_at_the_streams() -> None:
    outside = {"dram_bandwidth_bits": 16, "dram_latency_cycles": 9}
    runner, point, found = only({**DESIGN, "sweep": {"ratio": 3}, "environment": outside})
    network = small("small", None, 3, 0)
    expected = Simulation.of(network.layers, Design.named("sparse-4x4"), Technology.load(),
                             lambda *_: None, dram=Dram(16, 9))  # fmt: skip
    row, _ = rows(point, found, runner)
    assert row["cycles"] == expected.cycles
    assert row["stall_dram_lane_cycles"] > 0
    assert (row["dram_bandwidth_bits"], row["dram_latency_cycles"]) == (16, 9)
    runner, point, found = only(DESIGN)
    row, _ = rows(point, found, runner)
    assert row["stall_dram_lane_cycles"] == 0
    assert (row["dram_bandwidth_bits"], row["dram_latency_cycles"]) == (None, None)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (
            {"dram_bandwidth_bits": -8},
            "dram.bandwidth_bits must be between 1 and 4294967295 bits per cycle, not -8",
        ),
        (
            {"dram_bandwidth_bits": 8, "dram_latency_cycles": -1},
            "dram.latency_cycles must be between 0 and 4294967295, not -1",
        ),
        (
            {"dram_bandwidth_bits": 8, "dram_latency_cycles": 9 * 10**18},
            "dram.latency_cycles must be between 0 and 4294967295, not 9000000000000000000",
        ),
    ],
)
def test_a_memory_that_does_not_exist_is_refused(environment: dict[str, int], reason: str) -> None:
    *_, found = only({**DESIGN, "environment": environment})
    assert (found.status, found.reason) == ("refused", reason)


def test_a_latency_without_a_bandwidth_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs environment\.dram_bandwidth_bits"):
        only({**DESIGN, "environment": {"dram_latency_cycles": 3}})


def test_rows_have_the_columns_and_no_others() -> None:
    values = {
        "design": {"base": "sparse-4x4", "buffers": dict.fromkeys(
            ("weight_words", "index_words", "feature_words", "filter_words", "offset_words"), 64)},
        "layer": {"kernel": 3},
        "layers": ["conv"],
        "sweep": {"batch": 2, "weight_bits": 4, "act_bits": 5},
    }  # fmt: skip
    runner, point, found = only(values)
    row, (layer,) = rows(point, found, runner)
    assert row.keys() <= {column.name for column in POINTS}
    assert layer.keys() <= {column.name for column in LAYERS}
    assert len({column.name for column in POINTS}) == len(POINTS)
    assert len({column.name for column in LAYERS}) == len(LAYERS)
    kinds = {"int": int, "float": float, "str": str}
    for column in (*POINTS, *LAYERS):
        value = (layer if column in LAYERS else row).get(column.name)
        assert value is None or type(value) is kinds[column.kind], column.name
    assert (row["weight_bits"], row["act_bits"], row["batch"]) == (4, 5, 2)
    assert (row["buffers_weight_words"], row["layer_kernel"]) == (64, "3 3")
    assert row["index_bits"] == "4 6 8"
    assert row["macs"] == 2 * 72 * 16


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"design": {"base": "sparse-4x4", "feed": 3}},
         "sparse-4x4: design.feed must be one of 1, 2, 4, 8, 16, not 3"),
        ({"design": {"family": "sparse", "lanes": 4}}, "[design]: design.vector is missing"),
        ({"design": {"base": "eie-4"}}, "layer conv"),
        ({**DESIGN, "sweep": {"format": "relative12"}}, "unpacks relative indices of 4, 6, 8 bits"),
        ({**DESIGN, "layer": {"height": 1, "padding": 0}},
         "layer conv: kernel (3, 3) with dilation (1, 1) is larger than the padded map"),
        ({**DESIGN, "layer": {"height": 9}, "layers": ["fc"]},
         "layer fc is an FC layer and has no layer.height"),
        ({**DESIGN, "layer": {"groups": 3}, "layers": ["conv"]}, "multiple of groups"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused_with_its_reason(
    values: dict[str, Any], reason: str
) -> None:
    runner, point, found = only(values)
    assert found.status == "refused"
    assert found.reason is not None
    assert reason in found.reason
    row, layers = rows(point, found, runner)
    assert row["status"] == "refused"
    assert row.get("cycles") is None
    assert layers == []


def test_a_refused_design_shows_what_was_asked() -> None:
    runner, point, found = only({"design": {"base": "sparse-4x4", "feed": 3}})
    row, _ = rows(point, found, runner)
    assert (row["base"], row["design"], row["lanes"], row["feed"]) == ("sparse-4x4", None, 4, 3)


def test_a_bug_in_one_point_is_a_failed_point() -> None:
    def broken(*_: object) -> Any:
        raise ZeroDivisionError("oh")

    _, _, found = only(DESIGN, load=broken)
    assert (found.status, found.reason) == ("failed", "internal error: ZeroDivisionError: oh")


def test_a_base_gives_way_to_the_fields_of_a_point() -> None:
    """Another family or delivery brings its own defaults, as in a design file."""
    runner = runner_of({"design": {"base": "sparse-4x4", "family": ["sparse", "dense"]}})
    assert [runner.design(point) for point in points_of(runner)] == [
        Design.named("sparse-4x4"),
        Design.named("dense-4x4"),
    ]
    runner = runner_of({"design": {"base": "sparse-4x8", "delivery": ["window", "port"]}})
    assert [runner.design(point) for point in points_of(runner)] == [
        Design.named("sparse-4x8"),
        Design.port(4, 8),
    ]


def test_a_base_from_a_file(tmp_path: Any) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('family = "sparse"\nlanes = 8\nvector = 4\nfeed = 2\nwindow = 4\n')
    runner = runner_of({"design": {"base": str(file), "feed": [2, 4]}})
    mine = Design.from_toml(file)
    designs = [runner.design(point) for point in points_of(runner)]
    assert designs == [mine, replace(mine, feed=4)]


def test_a_mask_of_another_shape_is_uneven_and_of_the_same_density() -> None:
    runner = runner_of({**DESIGN, "layers": ["conv"], "layer": {"in_channels": [2, 4]},
                        "sweep": {"seed": 3}})  # fmt: skip
    own, wide = (runner.layers(point)[0] for point in points_of(runner))
    assert own.shape == SHAPES[0]
    np.testing.assert_array_equal(own.mask, small("small", None, None, 3).layers[0].mask)
    assert wide.shape == replace(SHAPES[0], in_channels=4)
    expected = uneven_mask((4, 4, 3, 3), 0.5, seed_for(3, "conv", "mask"))
    np.testing.assert_array_equal(wide.mask, expected)


def test_a_dense_layer_of_another_shape_stays_dense() -> None:
    runner = runner_of({**DESIGN, "layer": {"out_channels": 12}, "sweep": {"ratio": 1}})
    (point,) = points_of(runner)
    assert all(layer.mask.all() for layer in runner.layers(point))


def test_real_weights_keep_their_shape() -> None:
    _, _, found = only({**DESIGN, "layer": {"in_channels": 4}}, load=trained)
    assert found.status == "refused"
    assert "layer conv has real weights (4, 2, 3, 3), and these would have to be" in str(
        found.reason
    )
    _, _, fits = only({**DESIGN, "layer": {"height": 8}, "layers": ["conv"]}, load=trained)
    assert fits.status == "ok"

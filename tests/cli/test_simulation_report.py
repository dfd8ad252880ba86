"""The page of `bosquet simulate --report`: roofline, bounds, labels that do not overlap."""

import json
import re
from itertools import combinations
from math import log10
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import report_sample as sample
from command_line import bosquet
from report_page import Page

from bosquet.cli.report import Results
from bosquet.cli.report.page import render
from bosquet.cli.report.point_labels import Box, Point, labels
from bosquet.cli.report.quantity import energy, percent, rate, size, times
from bosquet.cli.report.roofline import roofline_section
from bosquet.cli.report.simulation_answer import simulation_answer
from bosquet.cli.report.simulation_page import render_simulation
from bosquet.cli.report.stalls import stall_chart
from bosquet.sim.bound import BOUNDS

DRAM = ("--dram-bandwidth", "32", "--dram-latency", "20")


def simulated(*options: str) -> dict[str, Any]:
    found = bosquet("simulate", "lenet5", *options, "--json").document
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def ideal() -> dict[str, Any]:
    return simulated("--design", "sparse-16x16")


@pytest.fixture(scope="module")
def narrow() -> dict[str, Any]:
    return simulated("--design", "sparse-16x16", *DRAM)


def test_a_page_is_written(tmp_path: Path, narrow: dict[str, Any]) -> None:
    target = tmp_path / "new" / "report.html"
    run = bosquet(
        "simulate", "lenet5", "--design", "sparse-16x16", *DRAM, "--report", str(target), "--json"
    )
    assert run.document == narrow
    page = Page(target.read_text(encoding="utf-8"))
    assert page.sections == ["roofline", "layers", "stalls", "moved", "source"]
    assert set(page.figures) == {"roofline-0", "stalls"}
    assert {f"chart-{key}" for key in page.figures} < set(page.ids)
    assert {address for _, address in page.addresses} == {"data:,"}
    text = " ".join(page.text.split())
    assert f"lenet5 on sparse-16x16: {narrow['cycles']:,} cycles" in text
    assert "the streams to memory" in text
    assert "One buffer set: loads and work take turns" in text
    for layer in narrow["layers"]:
        assert f"{layer['bound']['memory']:,}" in text
        assert layer["name"] in text


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = bosquet(
        "simulate", "lenet5:conv1", "--design", "sparse-4x4",
        "--report", str(tmp_path / "file" / "report.html"),
    )  # fmt: skip
    assert run.code != 0
    assert "report.html: cannot be written" in run.err
    assert "--report" in run.err


def test_bounds_and_rooflines_of_the_document(
    ideal: dict[str, Any], narrow: dict[str, Any]
) -> None:
    for found in (ideal, narrow):
        for layer in found["layers"]:
            bound, place = layer["bound"], layer["roofline"]
            known = {name: bound[name] for name in BOUNDS if bound[name] is not None}
            assert bound["cycles"] == max(known.values()) == bound[bound["name"]]
            assert bound["cycles"] <= layer["cycles"]
            assert place["achieved_macs_per_s"] <= place["attainable_macs_per_s"]
            assert place["achieved_macs_per_s"] == pytest.approx(
                layer["effectual_macs"] / layer["latency_s"]
            )
            moved = layer["effectual_macs"] / place["intensity_macs_per_byte"]
            assert moved == pytest.approx(place["moved_bytes"])
    assert all(layer["bound"]["memory"] is None for layer in ideal["layers"])
    assert all("ideal" in layer["bound"]["memory_reason"] for layer in ideal["layers"])
    assert ideal["roof"]["bytes_per_cycle"] is None
    # Two load streams and outputs of 32 bits per cycle each.
    assert narrow["roof"]["bytes_per_cycle"] == 12
    assert {layer["bound"]["name"] for layer in narrow["layers"]} == {"memory"}


def test_the_answer_names_what_binds(ideal: dict[str, Any], narrow: dict[str, Any]) -> None:
    together = sum(layer["bound"]["cycles"] for layer in narrow["layers"])
    answer = simulation_answer(narrow)
    assert answer.details == (
        f"Bound by the streams to memory, and {times(narrow['cycles'] / together)} the cycles of"
        " that bound.",
    )
    fed = sum(one["cycles"] for one in ideal["layers"] if one["bound"]["name"] == "feed")
    (said,) = simulation_answer(ideal).details
    assert " ".join(said.split()).startswith(
        f"Layers bound by the feed of activations take {percent(fed / ideal['cycles'])} of the"
        " cycles and by the busiest lane"
    )
    one = {**ideal, "layers": ideal["layers"][:1]}
    assert simulation_answer(one).sentence.startswith("lenet5:conv1 on sparse-16x16: ")


def test_no_line_for_a_feed_that_binds_nothing(narrow: dict[str, Any]) -> None:
    assert roofline_section([narrow]).lines == {"roof", "one load stream"}


def test_no_clock_no_figures_per_second(ideal: dict[str, Any]) -> None:
    found = without_clock(ideal)
    page = Page(render_simulation(found, {}))
    assert "MACs per cycle" in page.words
    assert "MAC/s" not in page.words
    assert "no row" in page.words


def without_clock(found: dict[str, Any]) -> dict[str, Any]:
    """Return the document as it is where the lane table does not tell."""
    layers = [
        {
            **layer,
            "latency_s": None,
            "energy_pj": None,
            "energy": None,
            "roofline": {
                key: None if key.endswith("_per_s") else value
                for key, value in layer["roofline"].items()
            },
        }
        for layer in found["layers"]
    ]
    return {
        **found,
        "freq_hz": None,
        "latency_s": None,
        "area_um2": None,
        "area_um2_reason": "no row",
        "energy_pj": None,
        "energy_pj_reason": "no row",
        "energy": None,
        "energy_sources": None,
        "layers": layers,
    }


def test_the_chart_is_what_plotly_knows(ideal: dict[str, Any], narrow: dict[str, Any]) -> None:
    section = roofline_section([ideal, narrow])
    assert [chart.key for chart in section.charts] == ["roofline-0", "roofline-1"]
    for chart in section.charts:
        text = json.dumps(chart.figure).replace('"--font"', '"serif"')
        go.Figure(json.loads(re.sub(r'"--[\w-]+"', '"red"', text)))
    assert section.lines == {"peak", "roof", "one load stream", "peak as fed"}


def test_points_and_whiskers_stay_below_the_roof(
    ideal: dict[str, Any], narrow: dict[str, Any]
) -> None:
    for found in (ideal, narrow):
        (chart,) = roofline_section([found]).charts
        peak = found["roof"]["peak_macs_per_s"]
        marks = [trace for trace in chart.traces if trace["mode"] == "markers"]
        assert sum(len(trace["x"]) for trace in marks) == len(found["layers"])
        for trace in marks:
            for y, above in zip(trace["y"], trace["error_y"]["array"], strict=True):
                assert 0 < y <= y + above <= peak
        low, high = chart.layout["yaxis"]["range"]
        assert low < log10(peak) < high


def test_the_roof_has_its_ridge_where_the_streams_suffice(narrow: dict[str, Any]) -> None:
    (chart,) = roofline_section([narrow]).charts
    roof = next(trace for trace in chart.traces if trace["name"] == "roof")
    # 256 MACs per cycle from 12 bytes per cycle.
    assert roof["x"][1] == pytest.approx(256 / 12)
    assert roof["y"][1] == pytest.approx(roof["y"][2]) == pytest.approx(256 * narrow["freq_hz"])
    assert roof["y"][0] == pytest.approx(12 * roof["x"][0] * narrow["freq_hz"])


def test_a_layer_without_a_mac_has_no_point(ideal: dict[str, Any]) -> None:
    first, *others = ideal["layers"]
    empty = {
        **first,
        "density": 0.0,
        "effectual_macs": 0,
        "roofline": {
            **first["roofline"],
            "intensity_macs_per_byte": 0.0,
            "achieved_macs_per_cycle": 0.0,
            "achieved_macs_per_s": 0.0,
        },
    }
    found = {**ideal, "layers": [empty, *others]}
    (chart,) = roofline_section([found]).charts
    assert first["name"] not in chart.says
    assert first["name"] in Page(render_simulation(found, {})).text
    assert roofline_section([{**ideal, "layers": [empty]}]).charts == ()
    assert "roofline" not in Page(render_simulation({**ideal, "layers": [empty]}, {})).sections


def test_the_break_even_report_shows_it_too(ideal: dict[str, Any]) -> None:
    page = Page(render(Results(**{**sample.COMPLETE, "simulations": (ideal, ideal)})))
    assert page.sections.index("roofline") < page.sections.index("stalls")
    assert {"roofline-0", "roofline-1"} < set(page.figures)
    assert "Bounds and traffic simulated" in page.words
    assert "Energy predicted" in page.words
    assert "Bounds and traffic" not in Page(render(Results(**sample.COMPLETE))).text


def test_labels_do_not_overlap() -> None:
    points = [Point(f"layer{i}", 40.0 * (i % 9) + 10, 30.0 * (i // 9), 0.0) for i in range(54)]
    found = labels(points, 400)
    assert found[0].point == points[0]
    for one, other in combinations(found, 2):
        assert not one.box.overlaps(other.box)
    assert len(found) + sum(label.more for label in found) == len(points)


def test_labels_keep_off_what_stands_there() -> None:
    point = Point("conv", 100.0, 50.0, 50.0)
    assert [label.anchor for label in labels([point], 400)] == ["left"]
    text = Box(106.0, 300.0, 0.0, 100.0)
    (label,) = labels([point], 400, [text])
    assert label.anchor == "right"
    assert not label.box.overlaps(text)


def test_names_of_layers_keep_off_the_name_of_the_peak(ideal: dict[str, Any]) -> None:
    """A layer at the peak and far to the right, where the peak has its name."""
    far, near = (
        {
            **layer,
            "roofline": {
                **layer["roofline"],
                "achieved_macs_per_cycle": ideal["roof"]["peak_macs_per_cycle"],
                "intensity_macs_per_byte": macs_per_byte,
            },
        }
        for layer, macs_per_byte in zip(ideal["layers"], (1000, 1), strict=False)
    )
    (chart,) = roofline_section([{**ideal, "layers": [far, near]}]).charts
    labels_of = {note["text"]: note for note in chart.layout["annotations"]}
    assert any(text.startswith("peak") for text in labels_of)
    assert labels_of[near["name"]]["xanchor"] == "left"
    assert labels_of[far["name"]]["yshift"] < 0


def test_a_page_of_one_layer_has_room_for_the_numbers_below_its_bar(
    ideal: dict[str, Any],
) -> None:
    chart = stall_chart([{**ideal, "layers": ideal["layers"][:1]}])
    assert chart is not None
    assert chart.height >= 90


def test_a_label_counts_those_that_it_hides() -> None:
    (label,) = labels([Point("layer1.conv", 30.0, 50.0, 60.0)] * 3, 400)
    assert (label.text, label.more) == ("layer1.conv +2", 2)
    far, near = labels([Point("a", 50.0, 50.0, 50.0), Point("b", 300.0, 50.0, 50.0)], 400)
    assert (far.text, near.text) == ("a", "b")


def test_a_label_stays_within_the_picture() -> None:
    (label,) = labels([Point("conv", 395.0, 50.0, 50.0)], 400)
    assert label.anchor == "right"
    assert label.box.right <= 400


def test_quantities() -> None:
    assert [energy(pj) for pj in (0.5, 12, 3_070, 2.67e7, 5.3e9, 7e13)] == [
        "0.5 pJ", "12 pJ", "3.07 nJ", "26.7 µJ", "5.3 mJ", "70,000 mJ",
    ]  # fmt: skip
    assert [rate(per_s) for per_s in (0, 999, 1_000, 1.48e12)] == [
        "0 MAC/s", "999 MAC/s", "1 kMAC/s", "1.48 TMAC/s",
    ]  # fmt: skip
    assert [size(moved) for moved in (1, 16_200, 1.04e6)] == ["1 B", "16.2 kB", "1.04 MB"]

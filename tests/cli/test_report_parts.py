"""What the HTML report is made of: charts, verdict, scale, quantities."""

import json
import re
from dataclasses import replace

import plotly.graph_objects as go
import pytest
import report_sample as sample
from report_page import plain

from bosquet.cli.report import Results
from bosquet.cli.report.areas import area_chart, spent_areas
from bosquet.cli.report.chart import Chart
from bosquet.cli.report.curves import curve_charts
from bosquet.cli.report.facts import groups
from bosquet.cli.report.layer_answer import layer_answers
from bosquet.cli.report.quantity import area, count, joined, percent, seconds, times
from bosquet.cli.report.scale import scales
from bosquet.cli.report.stalls import CAUSES, stall_chart
from bosquet.cli.report.verdict import headline
from bosquet.sim.counters import STALLS

COMPLETE = Results(**sample.COMPLETE)


def test_charts_are_what_plotly_knows() -> None:
    answers = layer_answers(COMPLETE)
    charts = [
        *curve_charts(answers),
        area_chart(sample.AREAS),
        stall_chart(sample.SIMULATIONS),
    ]
    for chart in charts:
        assert chart is not None
        # The page puts colours and a font where their names stand.
        text = json.dumps(chart.figure).replace('"--font"', '"serif"')
        go.Figure(json.loads(re.sub(r'"--[\w-]+"', '"red"', text)))


def test_own_mask_is_a_point_beside_the_curve() -> None:
    conv2 = curve_charts(layer_answers(COMPLETE))[1]
    traces = {trace["name"]: trace for trace in conv2.traces}
    assert (traces["this network"]["x"], traces["this network"]["y"]) == ([0.9], [2.74])
    line = traces["sparse, against the best dense array"]
    # 20 points of the rule, and none of them the own mask's 2.74 at the same portion.
    assert (len(line["x"]), 2.74 in line["y"]) == (20, False)


def test_areas_come_from_the_chips_where_nothing_finer_is_known() -> None:
    (lanes, weights, other, unused), names = zip(
        *((trace["x"][1], trace["name"]) for trace in chip_areas().traces), strict=True
    )
    # The sparse chip: 1.322 mm2, lanes 47 %, weights 12 %, of a budget of 1.33 mm2.
    assert lanes == pytest.approx(1.322 * 0.47)
    assert weights == pytest.approx(1.322 * 0.12)
    assert other == pytest.approx(1.322 * 0.41)
    assert unused == pytest.approx(0.008)
    assert names[-1] == "left over"


def chip_areas() -> Chart:
    chart = area_chart(spent_areas(replace(COMPLETE, areas=())))
    assert chart is not None
    return chart


def test_stalls_are_those_of_the_counters() -> None:
    assert tuple(CAUSES) == ("compute", *STALLS)


def test_the_length_of_a_bar_is_time() -> None:
    runs = (
        sample.simulation("dense-1x1", 1e9, {"a": {"compute": 800_000}}),
        sample.simulation("sparse-1x1", 5e8, {"a": {"compute": 100_000, "feed": 100_000}}),
    )
    chart = stall_chart(runs)
    assert chart is not None
    # 2000 cycles at 1 GHz against 500 at half of that: 2 us against 1 us, half of it compute.
    assert {trace["name"]: trace["x"] for trace in chart.traces} == {
        "compute": [1.0, 0.25],
        "feed": [0.0, 0.25],
    }
    assert "is its time" in str(chart.aside)


def test_without_a_clock_the_length_of_a_bar_is_cycles() -> None:
    parts = {"a": {"compute": 800_000}}
    runs = (
        sample.simulation("dense-1x1", 1e9, parts),
        sample.simulation("sparse-1x1", 5e8, parts) | {"freq_hz": None},
    )
    chart = stall_chart(runs)
    assert chart is not None
    assert [trace["x"] for trace in chart.traces] == [[1.0, 1.0]]
    assert "is its cycles" in str(chart.aside)


@pytest.mark.parametrize(
    ("one_chip", "per_layer", "answer", "says"),
    [
        (1.74, 2.23, "Yes.", "1.74x as fast"),
        (0.81, 1.3, "In part.", "slower than the best dense one of the same silicon area (0.81x)"),
        (1.001, 1.3, "In part.", "no faster than the best dense one"),
        (None, 1.3, "In part.", "no comparison on one chip was possible"),
        (0.81, 1.0, "No.", "pruning does not pay"),
        (None, None, "In part.", "Pruning pays for conv2 of lenet5"),
    ],
)
def test_verdicts(one_chip: float, per_layer: float, answer: str, says: str) -> None:
    speedup = {"one_chip": one_chip, "per_layer": per_layer}
    found = headline(Results(network={**sample.NETWORK, "speedup": speedup}))
    assert found.answer == answer
    assert says in plain(found.sentence)


def test_a_layer_that_never_pays() -> None:
    document = sample.layer("conv1", None, sample.curve(0.1, 0.9))
    found = headline(Results(layers=(document,)))
    assert found.answer == "No."
    assert found.details == ("the sparse array stays slower at every ratio",)


def test_scale_is_logarithmic() -> None:
    answers = layer_answers(Results(network=sample.NETWORK))
    found = {one.name: scale for one, scale in zip(answers, scales(answers), strict=True)}
    assert found["fc1"].given == 100  # the largest ratio of all, 25.047
    assert found["conv2"].given == pytest.approx(71.5, abs=0.05)  # ln 10 / ln 25.047
    assert found["fc1"].ratio is None


def test_quantities() -> None:
    assert [plain(times(value)) for value in (1, 1.667, 25.047, 430.5, 12_345)] == [
        "1x",
        "1.67x",
        "25x",
        "430x",
        "12,345x",
    ]
    assert [seconds(value) for value in (2, 0.0021, 20.44e-6, 3e-10)] == [
        "2 s",
        "2.1 ms",
        "20.4 µs",
        "0.3 ns",
    ]
    assert [percent(share) for share in (0, 0.1, 0.99443)] == ["0 %", "10 %", "99.4 %"]
    assert area(1_243_000) == "1.24 mm²"
    assert count(5_740) == "5,740"
    assert [joined("abc"[:length]) for length in (0, 1, 2, 3)] == ["", "a", "a and b", "a, b and c"]


def test_facts() -> None:
    found = groups(
        {
            "seed": 0,
            "missing": None,
            "recipe": {"rho": [0.1, 5], "steps": {"first_um2": 12_000, "done": True}},
            "empty": {},
        }
    )
    assert found == (
        ("run", (("seed", "0"),)),
        (
            "recipe",
            (("rho", "0.1, 5"), ("steps, first µm²", "12,000"), ("steps, done", "yes")),
        ),
    )

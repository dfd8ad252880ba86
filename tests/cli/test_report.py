"""The HTML report: self-contained, honest about what is missing, and the answer first."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import report_sample as sample

from bosquet.cli.report import Results, write
from bosquet.cli.report.areas import area_chart, spent_areas
from bosquet.cli.report.chart import Chart
from bosquet.cli.report.curves import curve_charts
from bosquet.cli.report.facts import groups
from bosquet.cli.report.layer_answer import layer_answers
from bosquet.cli.report.page import render
from bosquet.cli.report.quantity import TIMES, area, count, joined, percent, seconds, times
from bosquet.cli.report.scale import scales
from bosquet.cli.report.stalls import CAUSES, stall_chart
from bosquet.cli.report.verdict import headline
from bosquet.errors import InputError
from bosquet.sim.counters import STALLS

COMPLETE = Results(**sample.COMPLETE)
LEAST = Results(network={"network": "net", "layers": [], "speedup": {}})
ROWS: list[dict[str, Any]] = sample.NETWORK["layers"]
VOID = {"meta", "link", "br"}
"""Elements without an end tag."""


def plain(text: str) -> str:
    """Return a text with an x for each multiplication sign, which looks like one in source."""
    return text.replace(TIMES, "x")


class Page(HTMLParser):
    """A page as a test sees it: balanced elements, addresses, ids, text for the reader."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.sections: list[str] = []
        self.text = ""
        self.figures: dict[str, Any] = {}
        self._is_data = False
        self.feed(html)
        self.close()
        self.text = plain(self.text)
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [(tag, found[key] or "") for key in ("src", "href") if key in found]
        self.ids += [found["id"] or ""] if "id" in found else []
        self.sections += [found.get("id") or ""] if tag == "section" else []
        self.text += f" {found.get('aria-label', '')} "
        self._is_data = found.get("type") == "application/json"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._is_data:
            self.figures = json.loads(data)
            self._is_data = False
        elif not {"script", "style"} & set(self.open):
            self.text += data

    @property
    def words(self) -> str:
        """Everything a reader can see, charts included, blanks as one."""
        charts = json.dumps(self.figures, ensure_ascii=False)
        return " ".join(f"{self.text} {plain(charts)}".split())


def page(results: Results) -> Page:
    return Page(render(results))


@pytest.fixture(scope="module")
def complete() -> Page:
    return page(COMPLETE)


def test_the_answer_comes_first(complete: Page) -> None:
    answer = "Yes. Pruned as it is, lenet5 runs 1.74x as fast on one sparse accelerator"
    text = " ".join(complete.text.split())
    assert answer in text
    assert text.index(answer) < text.index("Layer by layer") < text.index("From which ratio")
    assert text.index("Where it comes from") > text.index("The proof")
    assert "Prune conv2 (pruned 10x, pays from 2.88x on)." in text
    assert "fc1 and fc2 wait for weights" in text


def test_every_part_has_its_section(complete: Page) -> None:
    assert complete.sections == ["layers", "curves", "areas", "stalls", "proof", "source"]
    assert set(complete.figures) == {"curve-0", "curve-1", "areas", "stalls"}
    assert {f"chart-{key}" for key in complete.figures} < set(complete.ids)


def test_fetches_nothing() -> None:
    html = render(COMPLETE)
    found = Page(html)
    assert {address for _, address in found.addresses} == {"data:,", "rtl_out/lenet5_conv2"}
    css = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert css is not None
    assert not re.search(r"url\(|@import|https?:", css[1])
    assert html.count("Plotly.react") >= 1
    assert sum(len(script) > 1_000_000 for script in html.split("<script")) == 1


def test_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "report.html"
    assert write(COMPLETE, target) == target
    assert target.read_text(encoding="utf-8") == render(COMPLETE)
    assert [file.name for file in target.parent.iterdir()] == ["report.html"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"report\.html: cannot be written"):
        write(LEAST, tmp_path / "file" / "report.html")


def test_a_missing_part_is_left_out(complete: Page) -> None:
    for found, gone in (
        (page(replace(COMPLETE, layers=())), "curves"),
        (page(replace(COMPLETE, simulations=())), "stalls"),
    ):
        assert set(complete.sections) - set(found.sections) == {gone}


def test_without_proof() -> None:
    assert "proof" not in page(replace(COMPLETE, rtl=None, quality=None, bundle=None)).sections
    for part in ("rtl", "quality", "bundle"):
        others: dict[str, Any] = {"rtl": None, "quality": None, "bundle": None}
        one = {**others, part: getattr(COMPLETE, part)}
        assert "proof" in page(replace(COMPLETE, **one)).sections


def test_without_network() -> None:
    alone = replace(COMPLETE, network=None, layers=sample.LAYERS[1:])
    text = " ".join(page(alone).text.split())
    assert "Pruning conv2 of lenet5 pays from a ratio of 2.88x on (65 % of its weights" in text
    assert "The break-even ratio lies in 2.76x to 3.02x." in text
    with pytest.raises(ValueError, match="network or of a layer"):
        Results()


def test_the_least_there_can_be() -> None:
    found = page(LEAST)
    assert found.sections == ["source"]
    assert found.figures == {}
    assert len(render(LEAST)) < 100_000, "no charts, no chart library"


NULLS = {
    "network": "net",
    "layers": [
        {"name": "a", "ratio": None, "given_ratio": None, "speedup": None, "verdict": None},
        {
            "name": "b",
            "ratio": None,
            "given_ratio": 1.0,
            "speedup": 1.0,
            "verdict": "keep_dense",
            "reason": "sparse is slower at every ratio",
        },
    ],
    "speedup": {
        "per_layer": None,
        "one_chip": None,
    },
    "reason": {"per_layer": "no convolution", "one_chip": "no sparse chip fits: fc1"},
    "one_chip": {"dense": None, "sparse": None, "layers": [{"name": "a", "speedup": None}]},
    "seed": None,
}


@pytest.mark.parametrize(
    "results",
    [
        COMPLETE,
        LEAST,
        Results(network=NULLS),
        Results(
            network=NULLS,
            layers=(
                {**sample.layer("a", None, [sample.point(0.5, None)]), "reason": None},
                {**sample.layer("b", None, sample.curve(0.1, 0.9)), "interval": [2.0, None]},
            ),
            provenance={"seed": None, "split": {"seed": None}, "empty": {}},
        ),
        replace(COMPLETE, rtl={**sample.RTL, "simulator": None}),
    ],
)
def test_what_is_not_known_is_told_in_words(results: Results) -> None:
    found = page(results)
    assert not re.search(r"\b(nan|none|infinity|inf|undefined)\b", found.text, re.IGNORECASE)
    charted = json.dumps(found.figures)
    assert not re.search(r"NaN|None|Infinity|undefined", charted)


def test_reasons_stand_where_numbers_are_missing() -> None:
    text = page(Results(network=NULLS)).text
    assert "no sparse chip fits: fc1" in text
    assert "sparse is slower at every ratio" in text
    assert "not judged" in text


def test_nan_is_a_bug_of_the_caller() -> None:
    broken = sample.layer("conv1", 2.0, [sample.point(0.5, 1.0) | {"speedup": float("nan")}])
    with pytest.raises(ValueError, match=r"JSON|NaN|nan"):
        render(Results(layers=(broken,)))


@pytest.mark.parametrize("kind", ["predicted", "published", "proxy"])
def test_only_what_was_measured_is_called_accuracy(kind: str, complete: Page) -> None:
    assert "accuracy, measured" in complete.text
    assert "536 of 539 images right" in complete.text
    provenance = {"quality": {"kind": kind, "accuracy": 0.99}}
    other = replace(COMPLETE, quality={**sample.QUALITY, "kind": kind}, provenance=provenance)
    found = page(other)
    assert f"quality, {kind}" in found.text
    assert "99.4 %" in found.text
    assert "accura" not in found.words.lower()


def test_a_difference_is_not_hidden() -> None:
    rtl = {**sample.RTL, "cycles_rtl": 5_741, "bit_mismatches": 3}
    found = page(replace(COMPLETE, rtl=rtl))
    assert "5,741 ≠ 5,740" in found.text
    assert "3 of 25,600 differ" in found.text
    assert "5,740 = 5,740" in page(COMPLETE).text
    assert "all 12 counters equal." in page(COMPLETE).text


def test_a_counter_that_differs_is_named() -> None:
    rtl = {**sample.RTL, "counter_mismatches": ["weight_buffer", "feed"]}
    html = render(replace(COMPLETE, rtl=rtl))
    assert "Counters that differ: weight buffer and feed." in html
    assert "counters equal" not in html
    assert '<div class="bad"><dt>conv2 in the RTL: cycles' in html


def test_names_are_text() -> None:
    name = '</script><img src="x" onerror="y">'
    network = {**sample.NETWORK, "network": name}
    layers = ({**sample.LAYERS[0], "layer": name},)
    found = page(Results(network=network, layers=layers))
    assert name in found.text
    assert all(tag != "img" for tag, _ in found.addresses)


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


def test_every_colour_of_a_chart_is_one_of_the_page(complete: Page) -> None:
    used = set(re.findall(r'"(--[\w-]+)"', json.dumps(complete.figures)))
    defined = set(re.findall(r"(--[\w-]+):", render(LEAST)))
    causes = {f"--{cause.replace('_', '-')}" for cause in CAUSES}
    assert used
    assert used | causes <= defined


def test_a_curve_says_what_it_shows(complete: Page) -> None:
    words = complete.words
    assert "It stays above 1 from a ratio of 2.88x on." in words
    assert "held by the busiest lane" in words
    assert "25 lanes x 16 MACs, feed 8, bitmap format" in words
    assert "at 810 MHz" in words
    assert "sparse-4x8 needs 1.31 mm2, the budget is 1.24 mm2" in words
    assert "sparse, against dense-16x16 as given" in words


def test_own_mask_is_a_point_beside_the_curve() -> None:
    conv2 = curve_charts(layer_answers(COMPLETE))[1]
    traces = {trace["name"]: trace for trace in conv2.traces}
    assert (traces["this network"]["x"], traces["this network"]["y"]) == ([0.9], [2.74])
    line = traces["sparse, against the best dense array"]
    # 20 points of the rule, and none of them the own mask's 2.74 at the same portion.
    assert (len(line["x"]), 2.74 in line["y"]) == (20, False)


def test_the_baseline_as_given_has_a_curve_of_its_own(complete: Page) -> None:
    conv2 = curve_charts(layer_answers(COMPLETE))[1]
    given, best = (
        next(trace["y"] for trace in conv2.traces if trace["name"] == f"sparse, against {name}")
        for name in ("dense-16x16 as given", "the best dense array")
    )
    # It takes 21.9 us, the best one 20.4 us; the two points without a fit have no latency.
    assert given == pytest.approx([y * 21.9 / 20.4 for y in best[2:]])
    assert "against dense-16x16 as given: pays from 2.5x" in complete.text


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


def test_without_areas_there_is_no_chart_of_them() -> None:
    network = {key: value for key, value in sample.NETWORK.items() if key != "one_chip"}
    assert "areas" not in page(replace(COMPLETE, areas=(), network=network)).sections


def test_a_reason_is_told_once(complete: Page) -> None:
    text = " ".join(complete.text.split())
    assert text.count("at batch 1 the time to read its weights decides") == 1
    assert "unknown 1.2x as fc1" in text


def test_notes_of_the_documents_are_told_once() -> None:
    note = "synthetic masks, seed 0"
    network = {**sample.NETWORK, "notes": [note], "unsupported": ["Sigmoid node s1"]}
    text = page(Results(network=network, notes=(note, "one more"))).text
    assert [text.count(line) for line in (note, "Not counted: Sigmoid node s1.", "one more")] == [
        1,
        1,
        1,
    ]


def test_one_ratio_is_that_of_its_layer() -> None:
    rows = [row | {"ratio": None} if row["name"] == "conv1" else row for row in ROWS]
    tiles = headline(Results(network={**sample.NETWORK, "layers": rows})).tiles
    assert (tiles[-1].label, plain(tiles[-1].value)) == ("pruning conv2 pays from", "2.88x")


def test_streamed_weights_are_told() -> None:
    label = "streaming: modelled, not yet in RTL"
    network = {**sample.NETWORK, "weights_on_chip": 0.5, "streaming": label}
    text = page(replace(COMPLETE, network=network)).text
    assert (
        f"50 % of the weights are on chip, the rest arrives while the array computes ({label})"
        in (text)
    )


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

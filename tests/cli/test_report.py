"""The HTML report: self-contained, honest about what is missing, and the answer first."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_sample as sample
from report_page import Page, plain

from bosquet.cli.report import Results, write
from bosquet.cli.report.curves import curve_charts
from bosquet.cli.report.layer_answer import layer_answers
from bosquet.cli.report.page import render
from bosquet.cli.report.stalls import CAUSES
from bosquet.cli.report.verdict import headline
from bosquet.errors import InputError

COMPLETE = Results(**sample.COMPLETE)
LEAST = Results(network={"network": "net", "layers": [], "speedup": {}})
ROWS: list[dict[str, Any]] = sample.NETWORK["layers"]


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
    assert "Keep conv1 (pruned 1.67x, pays from 2.63x on), fc1" in text


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


def test_the_baseline_as_given_has_a_curve_of_its_own(complete: Page) -> None:
    conv2 = curve_charts(layer_answers(COMPLETE))[1]
    given, best = (
        next(trace["y"] for trace in conv2.traces if trace["name"] == f"sparse, against {name}")
        for name in ("dense-16x16 as given", "the best dense array")
    )
    # It takes 21.9 us, the best one 20.4 us; the two points without a fit have no latency.
    assert given == pytest.approx([y * 21.9 / 20.4 for y in best[2:]])
    assert "against dense-16x16 as given: pays from 2.5x" in complete.text


def test_without_areas_there_is_no_chart_of_them() -> None:
    network = {key: value for key, value in sample.NETWORK.items() if key != "one_chip"}
    assert "areas" not in page(replace(COMPLETE, areas=(), network=network)).sections


def test_a_reason_is_told_once(complete: Page) -> None:
    text = " ".join(complete.text.split())
    assert text.count("no sparse design fits the area of the dense baseline") == 1
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

"""What ``verify`` reports, on layers so small that the cycles can be counted by hand."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bosquet.engine.integer import layer_outputs
from bosquet.hw.design import Design
from bosquet.models.formats import Bitmap, Dense
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim import cosim, verify
from bosquet.sim.case import Case
from bosquet.sim.counters import STALLS
from bosquet.sim.coverage import Coverage
from bosquet.sim.journal import Journal
from bosquet.sim.verify import GivenBatch, Verification
from bosquet.sim.verilog_run import available_simulators


def tiny_case(positions: int = 1, design: Design | None = None) -> Case:
    """One weight, 3, at each of some positions, on a single MAC."""
    shape = LayerShape("tiny", "fc", 1, 1, batch=positions)
    ones = np.ones(1, np.int64)
    layer = Layer(
        shape, np.full((1, 1, 1, 1), 3), np.ones((1, 1, 1, 1), np.bool_), 0 * ones,
        Requantization(2 * ones, ones, 0, -128, 127),
    )  # fmt: skip
    return Case(5, layer, design or Design.dense(1, 1), Dense(), np.full((positions, 1, 1, 1), 7))


IDENTITY = {"seed": 7, "code": "0123"}
made: list[str] = []


def quiet(done: int, total: int, what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Named:
    """A tiny case, by the name of its batch."""

    key: str

    def __len__(self) -> int:
        return 1

    def cases(self) -> list[Case]:
        made.append(self.key)
        return [tiny_case()]


def checked(case: Case) -> Verification:
    return verify.verify([GivenBatch(case)], lambda done, total, what: None)


def with_one_output_wrong(position: int) -> Any:
    def outputs(layer: Layer, features: Any) -> Any:
        y = layer_outputs(layer, features)
        y[position] ^= 1
        return y

    return outputs


def test_equal_cases_pass_and_progress_is_told() -> None:
    told: list[tuple[int, int, str]] = []
    sparse = tiny_case(design=Design("sparse", 1, 1, window=1, feed=1))
    batches = [GivenBatch(tiny_case()), GivenBatch(sparse)]
    done = verify.verify(batches, lambda *news: told.append(news))
    assert done.passed
    assert told == [
        (1, 2, "tiny on dense-1x1: equal"),
        (2, 2, "tiny on sparse-1x1: equal"),
    ]
    assert done.cases == 2
    assert done.coverage.kinds["family"] == {"dense": 1, "sparse": 1, "eie": 0}


@pytest.mark.skipif(
    "verilator" not in available_simulators(),
    reason="Verilator is not installed (Debian packages verilator g++ make)",
)
def test_long_batches_run_in_verilator(monkeypatch: pytest.MonkeyPatch) -> None:
    """One compilation serves a batch; what differs is told as Amaranth's simulator tells it."""
    monkeypatch.setattr(verify, "_VERILATION_US", 0)
    done = checked(tiny_case(positions=3))
    assert done.passed
    assert re.fullmatch(r"Verilator .*: 1", done.simulator)
    monkeypatch.setattr(cosim, "layer_outputs", with_one_output_wrong(1))
    found = checked(tiny_case(positions=3)).failures[0]
    assert (found.first_cycle, found.wrong_bits, found.missing_beats) == (21, 1, 0)


def test_what_the_journal_has_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three batches; the run ends in the second one and goes on with another one wrong."""
    path = tmp_path / "verify.journal"
    monkeypatch.setattr(cosim, "layer_outputs", with_one_output_wrong(0))
    with Journal.opened(path, "verify", "--journal", IDENTITY) as journal:
        first = verify.verify([Named("a")], quiet, journal=journal)
    monkeypatch.undo()
    whole = path.read_bytes()
    with Journal.opened(path, "verify", "--journal", IDENTITY) as journal:
        verify.verify([Named("b")], quiet, journal=journal)
    path.write_bytes(path.read_bytes()[:-9])  # killed while it wrote
    made.clear()
    told: list[str] = []
    with Journal.opened(path, "verify", "--journal", IDENTITY) as journal:
        done = verify.verify(
            [Named("a"), Named("b"), Named("c")],
            lambda done, total, what: told.append(f"{done} of {total} {what}"),
            journal=journal,
        )
    assert made == ["b", "c"]
    assert (done.cases, done.bit_mismatches, done.failures) == (3, 1, first.failures)
    assert [line.rsplit(": ", 1)[1] for line in told] == ["DIFFERENT", "equal", "equal"]
    assert done.coverage.document()["family"] == {"dense": 3, "sparse": 0, "eie": 0}
    assert path.read_bytes().startswith(whole)
    again = verify.verify([GivenBatch(tiny_case())] * 2, quiet)
    assert set(done.coverage.document()) == set(again.coverage.document())


def test_other_counters_come_back_from_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = cosim.predicted_counters
    monkeypatch.setattr(
        cosim, "predicted_counters", lambda *args: predict(*args) | {"cycles": 20, "compute": 9}
    )
    path = tmp_path / "verify.journal"
    with Journal.opened(path, "verify", "--journal", IDENTITY) as journal:
        first = verify.verify([Named("a")], quiet, journal=journal)
    with Journal.opened(path, "verify", "--journal", IDENTITY) as journal:
        again = verify.verify([Named("a")], quiet, journal=journal)
    assert first.failures[0].counters == {"cycles": (15, 20), "compute": (1, 9)}
    assert again == first


def test_document_has_the_agreed_keys() -> None:
    document = json.loads(json.dumps(checked(tiny_case()).document(), allow_nan=False))
    assert {"cases", "cycle_mismatches", "bit_mismatches", "simulator", "coverage", "failures"} <= (
        document.keys()
    )
    assert {
        "family", "format", "layer_kind", "delivery", "groups", "stride", "tiled", "stalls", "macs",
    } <= document["coverage"].keys()  # fmt: skip
    assert document["coverage"]["macs"] == {"median": 1, "max": 1}
    assert document["failures"] == []


def test_no_case_at_all_has_no_median() -> None:
    assert Coverage.of([], []).document()["macs"] == {"median": None, "max": None}


def test_wrong_bit_is_reported_with_its_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    # One step a pass. Step 0 is issued in cycle 0, its sum is ready in 6 and the beat of pass 0
    # leaves 7 + 1 later, in 14. Pass 1 may end once pass 0 is taken (cycle 6): step 1 is issued in
    # cycle 7 and its beat leaves in 21.
    monkeypatch.setattr(cosim, "layer_outputs", with_one_output_wrong(1))
    done = checked(tiny_case(positions=3))
    assert (done.cycle_mismatches, done.counter_mismatches, done.bit_mismatches) == (0, 0, 1)
    (failure,) = done.document()["failures"]
    assert failure == {
        "seed": 5, "layer": "tiny", "design": "dense-1x1", "first_cycle": 21, "counters": {},
        "wrong_bits": 1, "missing_beats": 0,
    }  # fmt: skip


def test_wrong_cycles_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = cosim.predicted_counters
    monkeypatch.setattr(
        cosim,
        "predicted_counters",
        lambda *args: (right := predict(*args)) | {"cycles": right["cycles"] + 5},
    )
    done = checked(tiny_case())
    assert (done.cycle_mismatches, done.counter_mismatches, done.bit_mismatches) == (1, 1, 0)
    # The only beat leaves in cycle 14, so the RTL counts cycles 0 to 14.
    assert done.failures[0].counters == {"cycles": (15, 20)}
    assert done.failures[0].first_cycle == 15


def test_wrong_counter_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = cosim.predicted_counters
    monkeypatch.setattr(
        cosim,
        "predicted_counters",
        lambda *args: predict(*args) | {"compute": 9},
    )
    done = checked(tiny_case())
    assert (done.cycle_mismatches, done.counter_mismatches, done.bit_mismatches) == (0, 1, 0)
    assert done.failures[0].counters == {"compute": (1, 9)}
    assert done.failures[0].first_cycle is None


def test_coverage_reads_the_kind_from_the_layer() -> None:
    shape = LayerShape(
        "kinds", "conv", 4, 6, (1, 1), stride=(2, 1), padding=(0, 1, 0, 0), groups=2,
        height=5, width=3,
    )  # fmt: skip
    mask = np.ones(shape.weight_shape, np.bool_)
    mask[2] = False
    ones = np.ones(6, np.int64)
    layer = Layer(shape, 0 * mask, mask, 0 * ones, Requantization(ones, ones, 0, 0, 1))
    design = Design("sparse", 2, 3, drain=2, drain_cycles=3, acc_sets=1, run_ahead=4, window=8)
    case = Case(0, layer, design, Bitmap(), np.zeros((1, 4, 5, 3), np.int64))
    causes = dict.fromkeys(STALLS, 0)
    coverage = Coverage.of([case], [{"cycles": 9, **causes, "drain": 4}]).document()
    of_one = {
        aspect: [kind for kind, count in counts.items() if count == 1]
        for aspect, counts in coverage.items()
        if aspect != "macs"
    }
    assert of_one == {
        "family": ["sparse"], "format": ["bitmap"], "layer_kind": ["grouped"],
        "delivery": ["window"], "groups": ["2+"], "stride": ["2+"], "padding": ["some"],
        "tiled": ["both"], "density": ["empty_filters"], "lanes": ["1-16"], "vector": ["1-16"],
        "acc_sets": ["1"], "run_ahead": ["4"], "drain": ["2+"], "drain_cycles": ["2+"],
        "size": ["small"], "stalls": ["drain"], "columns": [], "parts": ["none"],
        "simd_group": ["1"], "feed_order": ["balanced"], "weight_code": ["twos_complement"],
        "buffer_sets": ["1"], "environment": ["ideal"],
    }  # fmt: skip

"""What is asked of a network beside its paper: each question once, answered like a single one."""

import pickle
from dataclasses import replace
from functools import cache

import pytest
from few_designs import FEW_DESIGNS

from bosquet.models.layer import LayerShape
from bosquet.sim import reproduction
from bosquet.sim.breakeven import layer_breakeven
from bosquet.sim.dense_baseline import baseline_design
from bosquet.sim.paper import CONVOLUTIONS, ROWS, ReplicaCell
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.reproduction import Chip, Convolution, Fpga, Layer, cases_for
from bosquet.sim.setting import Setting
from bosquet.sim.study import StudyCase, Subject, cases_of
from bosquet.sim.technology import Technology

CONV = LayerShape("conv1", "conv", 4, 12, (3, 3), padding=(1, 1, 1, 1), height=4, width=4)
LAYERS = tuple(
    PrunedLayer.of_shape(shape, 4, 0)
    for shape in (
        *(replace(CONV, name=name) for name in CONVOLUTIONS),
        LayerShape("fc1", "fc", 48, 10),
    )
)


@cache
def subject() -> Subject:
    return Subject("net", LAYERS[3], baseline_design("4x8"), 1.0, Technology.load())


@pytest.fixture(autouse=True)
def few_designs(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: property = vars(Subject)["setting"]

    def setting(self: Subject) -> Setting:
        of_subject: Setting = whole.__get__(self)
        return replace(of_subject, space=FEW_DESIGNS)

    monkeypatch.setattr(Subject, "setting", property(setting))


def test_every_layer_once_and_every_key_once() -> None:
    cases = cases_for(subject(), LAYERS)
    keys = [case.key for case in cases]
    assert len(keys) == len(set(keys))
    layers = [case.layer.name for case in cases if isinstance(case, Layer)]
    assert sorted(layers) == ["conv1", "conv2", "conv3", "conv5", "fc1"]
    assert "question: as asked" in keys
    table = {case.layer.name: case.number for case in cases if isinstance(case, Convolution)}
    assert table == {name: number for number, name in enumerate(CONVOLUTIONS)}


def test_cases_reach_other_processes() -> None:
    for case in cases_for(subject(), LAYERS):
        again = pickle.loads(pickle.dumps(case))
        assert again.key == case.key


def test_of_cases_that_ask_the_same_the_first_one_asks_most() -> None:
    """Its answer serves the others."""
    alike: dict[object, list[StudyCase]] = {}
    for case in cases_of(subject()):
        alike.setdefault(case.asks(subject()), []).append(case)
    assert max(map(len, alike.values())) > 3
    for cases in alike.values():
        assert cases[0].assumed or not any(case.assumed for case in cases)


def test_a_layer_is_answered_like_a_single_question() -> None:
    assert (
        Layer(LAYERS[5]).answer(subject())
        == layer_breakeven(LAYERS[5], subject().setting).to_json()
    )


def test_one_chip_tells_its_speedup() -> None:
    answer = Chip(LAYERS[4:]).answer(subject())
    assert answer["speedup"] > 0
    assert [layer["name"] for layer in answer["one_chip"]["layers"]] == ["conv5", "fc1"]
    assert answer["restoration"]["layers"]


def test_a_convolution_has_a_cell_for_each_row_of_the_table() -> None:
    cells = [ReplicaCell(**one) for one in Convolution(1, LAYERS[1]).answer(subject())["cells"]]
    assert [cell.ratio for cell in cells] == [row.ratios[1] for row in ROWS]
    assert all(cell.speedup > 0 for cell in cells)


def test_an_fpga_without_room_is_a_reason() -> None:
    assert Fpga(LAYERS[2]).key == "fpga: conv3"
    large = PrunedLayer.of_shape(replace(CONV, in_channels=512, height=64, width=64), 4, 0)
    answer = Fpga(large).answer(subject())
    assert answer["ratio"] is None
    assert "was placed with" in answer["reason"]


def test_an_fpga_with_room() -> None:
    answer = Fpga(LAYERS[2]).answer(subject())
    assert answer["device"] == reproduction.DEVICE
    assert len(answer["designs"]) >= 3

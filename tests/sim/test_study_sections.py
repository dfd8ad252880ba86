"""Sections ask what they say, and each question once."""

from dataclasses import replace
from functools import cache

import pytest

from bosquet.models.layer import LayerShape
from bosquet.sim.bench import Bench
from bosquet.sim.cost import Cost
from bosquet.sim.dense_baseline import FrozenBaseline, baseline_design
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.study import SECTIONS, StudyCase, Subject, cases_of
from bosquet.sim.study.sections import BASELINES, SHARES, portion_for_share, share_of
from bosquet.sim.technology import Technology

SHAPE = LayerShape("conv", "conv", 64, 96, (3, 3), padding=(1, 1, 1, 1), height=13, width=13)


@cache
def subject() -> Subject:
    layer = PrunedLayer.of_shape(SHAPE, 4, 0)
    other = Technology.load("sg13g2")  # our own cells, at the size and speed of its gates
    return Subject("net", layer, baseline_design("16x16"), 1.0, Technology.load(), 0, (other,))


@cache
def cases() -> list[StudyCase]:
    return cases_of(subject())


def section(name: str) -> list[StudyCase]:
    return [case for case in cases() if case.section == name]


def test_every_question_has_a_key_of_its_own() -> None:
    keys = [case.key for case in cases()]
    assert len(keys) == len(set(keys))
    assert {case.section for case in cases()} == set(SECTIONS)


def test_other_technologies_are_asked_as_they_are_and_with_the_same_share() -> None:
    as_asked, adjusted = section("technology")
    other = subject().technologies[0]
    assert as_asked.technology_of(subject()) is adjusted.technology_of(subject()) is other
    assert as_asked.baseline is None
    assert adjusted.baseline is not None
    wanted = share_of(subject(), subject().technology, subject().baseline)
    found = share_of(subject(), other, adjusted.baseline)
    for rows in (1, 16, 64, 256):
        far = share_of(subject(), other, replace(adjusted.baseline, lanes=rows))
        assert abs(found - wanted) <= abs(far - wanted)


def test_every_point_of_the_surface_is_told() -> None:
    surface = section("surface")
    assert len(surface) == len(BASELINES) * len(SHARES)
    never = [case for case in surface if case.impossible]
    assert {case.impossible for case in surface if case.weights_on_chip is None} == {
        "no portion of the layer's weights on chip makes their memory that large or small"
    }
    assert never
    assert never[0].answer(subject())["reason"] == never[0].impossible


@pytest.mark.parametrize("share", SHARES)
def test_a_share_is_reached_or_not_asked(share: float) -> None:
    design = subject().baseline
    bench = Bench(Cost(subject().technology))

    def share_at(portion: float) -> float:
        workloads = [subject().layer.own]
        return FrozenBaseline.of(design, workloads, bench, portion).area.weight_sram_share

    portion = portion_for_share(subject(), design, share)
    if portion is None:
        assert share_at(1.0) < share
    else:
        assert 0 < portion <= 1
        assert share_at(portion) == pytest.approx(share, abs=0.005)


def test_the_surface_tells_macs_and_shares() -> None:
    surface = section("surface")
    assert surface
    for case in surface:
        assert case.baseline is not None
        assert case.facts["macs"] == case.baseline.lanes * case.baseline.vector
        assert case.facts["asked_share"] in SHARES
    assert len({case.facts["macs"] for case in surface}) > 1


def test_only_what_is_varied_differs() -> None:
    plain = StudyCase("vector", "4").space
    for case in section("vector"):
        assert case.space == replace(plain, vectors=(case.facts["vector"],))
    for case in section("group"):
        assert case.space == replace(plain, simd_group=case.facts["simd_group"])
    assert [case.formats for case in section("format")][-1] == ()
    assert {case.formats for case in section("format")} >= {("dense",), ("bitmap",), ("relative4",)}
    for case in section("weight bits"):
        bits = case.facts["weight_bits"]
        widths = {"weight_bits": bits, "acc_bits": 32 if bits == 16 else 24}
        assert case.baseline == replace(subject().baseline, **widths)

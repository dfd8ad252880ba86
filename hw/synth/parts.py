"""The parts of an accelerator, each small enough to be synthesized alone.

A part is gateware of ``hw.top`` with every memory outside, and the parameters that its area and
speed depend on. A design is so many of each: ``parts_of(design)``. What a whole accelerator has
besides are the write enables of its memories (about 15 gates each), which no part holds, and the
comparison of each lane's number with the lanes of the last tile (about 10 gates each).

================ ====================================================== =====================
part             gateware                                               how many
================ ====================================================== =====================
sparse_lane      ``SparseLane``                                         index streams
port_lane        ``PortLane``                                           index streams
dense_lane       ``DenseLane``                                          lanes
window           ``ClusterWindow`` of 16 lanes                          clusters
sparse_feeder    ``Feeder``, and the pacing of ``SparseArray``          1
dense_feeder     ``DenseArray`` without its lanes                       1
tree             64 register bits of the broadcast feed                 bits / 64
output_stage     ``OutputStage``                                        1
sparse_control   ``Shell``                                               1
port_control     the same with ports                                    1
dense_control    the same of the dense family                           1
eie_pe           ``EiePe``                                              lanes
eie_feeder       ``EieScanner``                                         1
eie_control      the same as the others of the EIE family               1
register_file    a memory of 64-bit words, made of flip-flops           bits of a word / 64
================ ====================================================== =====================
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from amaranth.back import rtlil
from amaranth.lib import wiring

from ..dense_lane import DenseLane
from ..design import CLUSTER_LANES, Design, broadcast_stages
from ..eie_pe import EiePe
from ..eie_scanner import EieScanner
from ..eie_words import item_layout
from ..lane import SparseLane
from ..loader import MemoryKind
from ..port_lane import PortLane
from ..requantize import OutputStage
from ..shared import check_writable
from ..shell import Shell
from ..verilog import component_verilog, with_kept_registers
from ..window import ClusterWindow
from .components import (
    ADDRESS_WORDS,
    TREE_BITS,
    DenseFeeder,
    RegisterFile,
    SparseFeeder,
    TreeRegisters,
)

__all__ = ["PARTS", "Part", "PartKind", "parts_of"]


@dataclass(frozen=True)
class PartKind:
    """A kind of part.

    Attributes
    ----------
    parameters : tuple of str
        Fields of ``Design`` (of the part itself, for tree and register file) that its area and
        speed depend on.
    build : callable
        From values of the parameters to the component.
    memory_reads : mapping of MemoryKind to str
        Input port with the data read from each kind of memory.
    memory_writes : tuple of str
        Output ports that go to memories.
    """

    parameters: tuple[str, ...]
    build: Callable[[Mapping[str, Any]], wiring.Component]
    memory_reads: Mapping[MemoryKind, str]
    memory_writes: tuple[str, ...]


def _design(family: str, values: Mapping[str, Any]) -> Design:
    """Return a design with these fields; a part does not depend on the others."""
    return Design.from_values({"family": family, "lanes": CLUSTER_LANES, **values}, "part")


def _sparse_lane(values: Mapping[str, Any]) -> wiring.Component:
    words = ADDRESS_WORDS
    return SparseLane(_design("sparse", values), words.index_words, words.weight_words)


def _port_design(values: Mapping[str, Any]) -> Design:
    return _design("sparse", {"delivery": "port", **values})


def _rows(values: Mapping[str, Any]) -> Design:
    """Return a dense design whose rows read V weights per cycle."""
    return _design("dense", {**values, "weights_per_row": values["vector"]})


def _eie_pe(values: Mapping[str, Any]) -> wiring.Component:
    words = ADDRESS_WORDS
    return EiePe(_design("eie", values), words.index_words, words.weight_words)


def _eie_scanner(values: Mapping[str, Any]) -> wiring.Component:
    words = ADDRESS_WORDS
    return EieScanner(_design("eie", values), words.feature_words, words.index_words)


def _output_stage(design: Design) -> wiring.Component:
    check_writable(design)
    return OutputStage(design, ADDRESS_WORDS.filter_words)


_FEED_READS = {MemoryKind.OFFSETS: "offset_data", MemoryKind.FEATURES: "bank_data"}
_FEED_WRITES = ("offset_address", "offset_enable", "bank_addresses")
_WIDTHS = ("weight_bits", "act_bits", "acc_bits")

PARTS: Mapping[str, PartKind] = {
    "sparse_lane": PartKind(
        ("vector", "acc_sets", "simd_group", "window", "run_ahead", "feed", "fifo_depth",
         "scan_bits", "index_bits", *_WIDTHS),
        _sparse_lane,
        {MemoryKind.INDEX: "index_data", MemoryKind.WEIGHTS: "weight_data"},
        ("index_address", "index_enable", "weight_address", "weight_enable"),
    ),
    "port_lane": PartKind(
        ("vector", "acc_sets", "simd_group", "fifo_depth", "scan_bits", "index_bits", *_WIDTHS),
        lambda values: PortLane(_port_design(values), ADDRESS_WORDS),
        {
            MemoryKind.INDEX: "index_data",
            MemoryKind.WEIGHTS: "weight_data",
            MemoryKind.OFFSETS: "tap_data",
            MemoryKind.BASES: "base_data",
            MemoryKind.FEATURES: "bank_data",
        },
        ("index_address", "index_enable", "weight_address", "weight_enable", "tap_address",
         "base_address", "bank_addresses"),
    ),
    "dense_lane": PartKind(
        ("vector", "acc_sets", *_WIDTHS),
        lambda values: DenseLane(_design("dense", values)),
        {MemoryKind.WEIGHTS: "weight_data"},
        (),
    ),
    "window": PartKind(
        ("vector", "window", "run_ahead", "feed", "act_bits"),
        lambda values: ClusterWindow(_design("sparse", values), CLUSTER_LANES),
        {},
        (),
    ),
    "sparse_feeder": PartKind(
        ("vector", "window", "run_ahead", "feed", "act_bits"),
        lambda values: SparseFeeder(_design("sparse", values)),
        _FEED_READS,
        _FEED_WRITES,
    ),
    "dense_feeder": PartKind(
        ("vector", "act_bits"),
        lambda values: DenseFeeder(_design("dense", values)),
        _FEED_READS,
        (*_FEED_WRITES, "weight_address"),
    ),
    "tree": PartKind((), lambda values: TreeRegisters(), {}, ()),
    "output_stage": PartKind(
        ("lanes", "vector", "drain", "drain_cycles", "act_bits", "acc_bits"),
        lambda values: _output_stage(_design("dense", values)),
        {MemoryKind.FILTERS: "filter_data"},
        ("filter_address", "filter_enable"),
    ),
    "sparse_control": PartKind(
        ("lanes", "vector", "act_bits", "buffer_sets"),
        lambda values: Shell(_design("sparse", values), ADDRESS_WORDS),
        {},
        (),
    ),
    "port_control": PartKind(
        ("lanes", "vector", "act_bits", "buffer_sets"),
        lambda values: Shell(_port_design(values), ADDRESS_WORDS),
        {},
        (),
    ),
    "dense_control": PartKind(
        ("lanes", "vector", "act_bits", "buffer_sets"),
        lambda values: Shell(_design("dense", values), ADDRESS_WORDS),
        {},
        (),
    ),
    "fc_lane": PartKind(
        ("vector", "acc_sets", *_WIDTHS),
        lambda values: DenseLane(_rows(values)),
        {MemoryKind.WEIGHTS: "weight_data"},
        (),
    ),
    "fc_feeder": PartKind(
        ("vector", "act_bits"),
        lambda values: DenseFeeder(_rows(values)),
        _FEED_READS,
        (*_FEED_WRITES, "weight_address"),
    ),
    "fc_output_stage": PartKind(
        ("lanes", "vector", "drain", "drain_cycles", "act_bits", "acc_bits"),
        lambda values: _output_stage(_rows(values)),
        {MemoryKind.FILTERS: "filter_data"},
        ("filter_address", "filter_enable"),
    ),
    "fc_control": PartKind(
        ("lanes", "vector", "act_bits", "weight_bits", "buffer_sets"),
        lambda values: Shell(_rows(values), ADDRESS_WORDS),
        {},
        (),
    ),
    "eie_pe": PartKind(
        ("lanes", "acc_rows", "fifo_depth", "index_bits", *_WIDTHS),
        _eie_pe,
        {MemoryKind.INDEX: "pointer_data", MemoryKind.WEIGHTS: "entry_data"},
        ("entry_address", "entry_enable"),
    ),
    "eie_feeder": PartKind(
        ("feed", "acc_rows", "act_bits"),
        _eie_scanner,
        {MemoryKind.FEATURES: "data"},
        ("address", "enable"),
    ),
    "eie_control": PartKind(
        ("lanes", "act_bits", "buffer_sets"),
        lambda values: Shell(_design("eie", values), ADDRESS_WORDS),
        {},
        (),
    ),
    "register_file": PartKind(
        ("depth",),
        lambda values: RegisterFile(values["depth"]),
        {},
        (),
    ),
}  # fmt: skip
"""Every kind of part by name; the ``fc_`` ones are those of dense rows that read V weights."""


@dataclass(frozen=True)
class Part:
    """A part with values for its parameters.

    Attributes
    ----------
    name : str
        A key of ``PARTS``.
    values : tuple of (str, value)
        Every parameter of the part, in order.
    """

    name: str
    values: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, name: str, design: Design) -> "Part":
        """Return the part as a design has it."""
        return cls(name, tuple((key, getattr(design, key)) for key in PARTS[name].parameters))

    def component(self) -> wiring.Component:
        """Return the gateware."""
        return PARTS[self.name].build(dict(self.values))

    def verilog(self) -> str:
        """Return the Verilog of a module named as the part."""
        return component_verilog(self.component(), self.name)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that change when the gateware does.

        They are taken of the RTLIL, which the Verilog is made from and which needs no tool.
        """
        text: str = rtlil.convert(self.component(), name=self.name, emit_src=False)
        return hashlib.sha256(with_kept_registers(text).encode()).hexdigest()[:16]


def parts_of(design: Design) -> tuple[tuple[Part, float], ...]:
    """Return the parts of a design and how many it has of each, memories left out."""
    if design.delivery == "port":
        return (
            (Part.of("port_lane", design), design.streams),
            (Part.of("output_stage", design), 1),
            (Part.of("port_control", design), 1),
        )
    wide = design.weights_per_row > 1
    kind = "fc" if wide else design.family
    feeder, control = (Part.of(f"{kind}_{part}", design) for part in ("feeder", "control"))
    output = Part.of("fc_output_stage" if wide else "output_stage", design)
    if design.family == "eie":
        lane = Part.of("eie_pe", _stand_in(design))
    else:
        lane = Part.of(f"{kind}_lane", design)
    parts: list[tuple[Part, float]] = [
        (lane, design.streams), (feeder, 1), (output, 1), (control, 1),
    ]  # fmt: skip
    if design.family == "sparse":
        parts.append((Part.of("window", design), design.clusters))
    if bits := _tree_bits(design):
        parts.append((Part.of("tree", design), bits / TREE_BITS))
    return tuple(parts)


def _stand_in(design: Design) -> Design:
    """Return a design with the same PEs: all that matters is whether a tree leads to them."""
    tree = broadcast_stages(design.lanes) > 0
    return replace(design, lanes=CLUSTER_LANES + tree, buffers=None)


def _tree_bits(design: Design) -> int:
    """Return the register bits of the broadcast tree between feeder and lanes."""
    bits = design.vector * design.act_bits
    if design.family == "eie":
        bits = item_layout(design, ADDRESS_WORDS.index_words).size
    if design.family == "sparse":
        bits = bits * design.feed + 2 + (design.ring // design.feed - 1).bit_length()
    stages = range(1, broadcast_stages(design.lanes) + 1)
    copies: list[int] = [-(-design.lanes // CLUSTER_LANES**stage) for stage in stages]
    return bits * sum(copies)

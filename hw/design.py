"""A design: the one frozen set of numbers behind area, cycle count and RTL.

From the same ``Design`` come the gateware (``hw.top``), the simulated cycles (``sim.exact``) and
the area and frequency (``sim.cost``). Three families exist:

``dense``
    lanes x vector MACs, output-stationary; every lane reads every weight of its filter.
``sparse``
    lanes x vector MACs; a lane decodes the index of each stored weight and picks its operands
    from a shared window of activation vectors, or reads them through a port of its own.
``eie``
    scalar PEs for FC layers: non-zero activations are broadcast, each PE works off its part of
    the weight column (Han et al., EIE, ISCA 2016).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import DesignError
from ..models.layer import MULTIPLIER_BITS, SHIFT_BITS
from .legal import check_design

__all__ = ["CLUSTER_LANES", "Buffers", "Design", "broadcast_stages"]

CLUSTER_LANES = 16
"""Largest fan-out of one broadcast stage: lanes per cluster, clusters per stage."""


def broadcast_stages(consumers: int) -> int:
    """Register stages of a broadcast tree whose fan-out per stage is at most 16."""
    stages = 0
    while consumers > 1:
        consumers = -(-consumers // CLUSTER_LANES)
        stages += 1
    return max(0, stages - 1)


@dataclass(frozen=True)
class Buffers:
    """Depths of the on-chip memories, in words.

    Attributes
    ----------
    weight_words : int
        Weights per lane, or weight words of a row that reads several per cycle (eie: entries,
        fillers too).
    index_words : int
        Index words per lane (0 in the dense family; eie: column pointers).
    feature_words : int
        Vectors per channel bank; there are ``Design.feed`` banks, each an even and an odd half
        (eie: words of ``feed`` activations).
    filter_words : int
        Bias and requantization words per drain unit.
    offset_words : int
        Kernel positions (eie: not used).
    """

    weight_words: int
    index_words: int
    feature_words: int
    filter_words: int
    offset_words: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "index_words" else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise DesignError(
                    f"design.buffers.{field.name} must be a whole number of words, at least"
                    f" {least}, not {value!r}"
                )

    @classmethod
    def from_values(cls, values: object) -> "Buffers":
        """Build the depths from a table of plain values."""
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or sorted(values) != sorted(names):
            found = sorted(values) if isinstance(values, Mapping) else repr(values)
            raise DesignError(f"design.buffers must be a table of {', '.join(names)}, not {found}")
        return cls(**values)

    def covering(self, other: "Buffers") -> "Buffers":
        """Return the smallest buffers that hold both."""
        return Buffers(**{f.name: max(getattr(self, f.name), getattr(other, f.name))
                          for f in fields(self)})  # fmt: skip


@dataclass(frozen=True)
class Design:
    """An accelerator, as numbers.

    Attributes
    ----------
    family : {"dense", "sparse", "eie"}
    lanes : int
        Filters worked on at once (rows of the dense array, PEs of the EIE array), 1 to 256.
    vector : int
        V: output positions per lane, 1 to 256 (eie: 1).
    delivery : {"broadcast", "window", "port"}
        How activations reach the lanes: every vector to all lanes (dense, eie), from a window
        that lanes share, or through a memory port of each lane's own (sparse).
    window : int
        Activation vectors per window, a power of two and a multiple of ``feed`` (1 without
        windows).
    run_ahead : int
        Windows held at once, 1 to 4 (1 without windows).
    feed : int
        Vectors written into the window per cycle, and channel banks: 1, 2, 4, 8, 16 (dense and
        port: 1; eie: activations examined per cycle).
    feed_order : {"natural", "balanced"}
        Order in which the steps of a filter tile are fed: as they lie in memory, or one order for
        each tile that lets its lanes keep step (windows only).
    simd_group : int
        Lanes that share one index stream, and so the positions of their weights: 1, 2, 4, 8, 16.
    weights_per_row : int
        Weights that a row of the dense array reads per cycle: 1, or ``vector``, so that each column
        can work on a filter of its own where that takes fewer passes (FC layers).
    drain : int
        Lane vectors taken by the output stage together.
    drain_cycles : int
        Cycles the output stage spends on them; divides ``vector``. ``drain / drain_cycles``
        vectors are requantized per cycle.
    acc_sets : int
        1: a lane waits until its accumulators are drained. 2: finished sums move to a second set.
    scan_bits : int
        Bits of an index word; bitmap positions examined per cycle: 16, 32 or 64.
    fifo_depth : int
        Decoded entries a lane buffers, 1 to 64 (dense: 1; eie: columns that wait in a PE before
        the scan does).
    index_bits : tuple of int
        Widths of the relative index that the unpacker supports, ascending.
    weight_codes : tuple of str
        Codes of weights that a lane decodes, of ``models.layer.WEIGHT_CODES``.
    weight_bits, act_bits, acc_bits : int
        Widths of stored weights, activations and accumulators.
    acc_rows : int
        Accumulators of an EIE PE, a power of two up to 256 (other families: 1).
    buffer_sets : int
        1: the next layer or tile is loaded when the present one has ended. 2: every memory is
        there twice, and loaded while the other is in use.
    buffers : Buffers or None
        Memory depths; None: as deep as the program at hand needs.

    Raises
    ------
    DesignError
        If a field or a combination does not exist; the message names the nearest legal choice.
    """

    family: Literal["dense", "sparse", "eie"]
    lanes: int
    vector: int
    delivery: Literal["broadcast", "window", "port"] = "window"
    window: int = 8
    run_ahead: int = 4
    feed: int = 8
    feed_order: Literal["natural", "balanced"] = "balanced"
    simd_group: int = 1
    weights_per_row: int = 1
    drain: int = 1
    drain_cycles: int = 1
    acc_sets: int = 2
    scan_bits: int = 16
    fifo_depth: int = 3
    index_bits: tuple[int, ...] = (4, 6, 8)
    weight_codes: tuple[str, ...] = ("twos_complement",)
    weight_bits: int = 8
    act_bits: int = 8
    acc_bits: int = 24
    acc_rows: int = 1
    buffer_sets: int = 1
    buffers: Buffers | None = None

    def __post_init__(self) -> None:
        check_design(self)

    @classmethod
    def named(cls, name: str) -> "Design":
        """Return the preset ``dense-RxV``, ``sparse-LxV`` or ``eie-N``, or a TOML file's design.

        Raises
        ------
        DesignError
            If the name is neither, the file cannot be read, or a field is wrong.
        """
        if name.endswith(".toml"):
            return cls.from_toml(Path(name))
        family, _, size = name.partition("-")
        lanes, _, vector = size.partition("x")
        if family == "eie" and size.isdecimal():
            return cls.eie(int(size))
        if family not in ("dense", "sparse") or not (lanes.isdecimal() and vector.isdecimal()):
            raise DesignError(
                f"unknown design {name!r}; use dense-RxV, sparse-LxV (such as sparse-16x16), eie-N"
                " or a .toml file"
            )
        if family == "dense":
            return cls.dense(int(lanes), int(vector))
        return cls("sparse", int(lanes), int(vector))

    @classmethod
    def dense(cls, lanes: int, vector: int) -> "Design":
        """Return the dense preset of ``lanes`` rows and ``vector`` columns."""
        return cls("dense", lanes, vector, delivery="broadcast", window=1, run_ahead=1, feed=1,
                   feed_order="natural", fifo_depth=1, index_bits=())  # fmt: skip

    @classmethod
    def port(cls, lanes: int, vector: int) -> "Design":
        """Return the sparse preset whose lanes read activations through ports of their own."""
        return cls("sparse", lanes, vector, delivery="port", window=1, run_ahead=1, feed=1,
                   feed_order="natural")  # fmt: skip

    @classmethod
    def eie(cls, lanes: int) -> "Design":
        """Return the EIE preset of so many PEs: 4-bit indices and FIFOs of 8 as in the paper."""
        return cls("eie", lanes, 1, delivery="broadcast", window=1, run_ahead=1, feed=8,
                   feed_order="natural", acc_sets=1, fifo_depth=8, index_bits=(4,),
                   acc_rows=16)  # fmt: skip

    @classmethod
    def from_toml(cls, path: Path) -> "Design":
        """Read a design: the fields of this class as keys, ``[buffers]`` as a table."""
        try:
            values = tomllib.loads(path.read_text())
        except OSError as error:
            raise DesignError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DesignError(f"{path}: not valid TOML: {error}") from error
        return cls.from_values(values, str(path))

    @classmethod
    def from_values(cls, values: Mapping[str, Any], where: str) -> "Design":
        """Build a design from plain values; ``where`` names their source in messages."""
        known = {field.name for field in fields(cls)}
        given = dict(values)
        for name in given:
            if name not in known:
                raise DesignError(
                    f"{where}: unknown field design.{name}; known are {', '.join(sorted(known))}"
                )
        for name in ("family", "lanes", "vector"):
            if name not in given and (name, given.get("family")) != ("vector", "eie"):
                raise DesignError(f"{where}: design.{name} is missing")
        for name in ("index_bits", "weight_codes"):
            if isinstance(given.get(name), list):
                given[name] = tuple(given[name])
        buffers = given.pop("buffers", None)
        try:
            if buffers is not None:
                given["buffers"] = Buffers.from_values(buffers)
            if given["family"] == "dense":
                base = cls.dense(given.pop("lanes"), given.pop("vector"))
                return replace(base, **given)
            if given["family"] == "eie":
                return replace(cls.eie(given.pop("lanes")), **given)
            if given.get("delivery") == "port":
                return replace(cls.port(given.pop("lanes"), given.pop("vector")), **given)
            return cls(**given)
        except TypeError as error:
            raise DesignError(f"{where}: {error}") from error
        except DesignError as error:
            raise DesignError(f"{where}: {error}") from error

    @property
    def name(self) -> str:
        """Name in the manner of the presets."""
        if self.family == "eie":
            return f"eie-{self.lanes}"
        return f"{self.family}-{self.lanes}x{self.vector}"

    @property
    def operand_bits(self) -> int:
        """Width of a decoded weight: without a zero, w bits hold one magnitude more."""
        return self.weight_bits + ("zero_free" in self.weight_codes)

    @property
    def streams(self) -> int:
        """Index streams: one for each SIMD group of lanes."""
        return self.lanes // self.simd_group

    @property
    def macs(self) -> int:
        """Multiply-accumulate units."""
        return self.lanes * self.vector

    @property
    def ring(self) -> int:
        """Activation vectors a lane can pick from: all windows held at once."""
        return self.window * self.run_ahead

    @property
    def clusters(self) -> int:
        """Groups of at most 16 index streams that share one copy of the window."""
        return -(-self.streams // CLUSTER_LANES)

    @property
    def drain_groups(self) -> int:
        """Turns the output stage needs to visit every lane."""
        return -(-self.lanes // self.drain)

    @property
    def beat_columns(self) -> int:
        """Output positions of one lane in one beat of the output stream."""
        return self.vector // self.drain_cycles

    @property
    def beat_bits(self) -> int:
        """Data bits of a beat of the output stream: its values, filled up to whole bytes."""
        return -(-self.drain * self.beat_columns * self.act_bits // 8) * 8

    @property
    def weight_word_bits(self) -> int:
        """Bits of the weights that a SIMD group or a row reads together."""
        return self.simd_group * self.weights_per_row * self.weight_bits

    @property
    def bus_bits(self) -> int:
        """Data bits of a beat of the load stream: whole bytes, at least 64, for the widest word.

        The widest word is one of activations (a vector; of the EIE array, ``feed`` of them), an
        index word with its end flag, a filter's bias and requantization, or the weights of a SIMD
        group or of a row.
        """
        index_word = self.scan_bits + 1 if self.family == "sparse" else 0
        filter_word = self.acc_bits + MULTIPLIER_BITS + SHIFT_BITS
        activations = self.feed if self.family == "eie" else self.vector
        widest = max(
            64, activations * self.act_bits, index_word, filter_word, self.weight_word_bits
        )
        return -(-widest // 8) * 8

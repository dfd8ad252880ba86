"""A design: the one frozen set of numbers behind area, cycle count and RTL.

From the same ``Design`` come the gateware (``hw.top``), the simulated cycles (``sim.exact``) and
the area and frequency (``sim.cost``). Two families exist:

``dense``
    lanes x vector MACs, output-stationary; every lane reads every weight of its filter.
``sparse``
    lanes x vector MACs; a lane decodes the index of each stored weight and picks its operands
    from a shared window of activation vectors.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import DesignError
from ..models.layer import MULTIPLIER_BITS, SHIFT_BITS

__all__ = ["CLUSTER_LANES", "Buffers", "Design", "broadcast_stages"]

CLUSTER_LANES = 16
"""Largest fan-out of one broadcast stage: lanes per cluster, clusters per stage."""

_POWERS = (1, 2, 4, 8, 16)


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
        Weights per lane.
    index_words : int
        Index words per lane (0 in the dense family).
    feature_words : int
        Vectors per channel bank; there are ``Design.feed`` banks, each an even and an odd half.
    filter_words : int
        Bias and requantization words per drain unit.
    tap_words : int
        Kernel positions.
    """

    weight_words: int
    index_words: int
    feature_words: int
    filter_words: int
    tap_words: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "index_words" else 1
            if not isinstance(value, int) or value < least:
                raise DesignError(
                    f"design.buffers.{field.name} must be at least {least}: {value!r}"
                )

    def covering(self, other: "Buffers") -> "Buffers":
        """Return the smallest buffers that hold both."""
        return Buffers(**{f.name: max(getattr(self, f.name), getattr(other, f.name))
                          for f in fields(self)})  # fmt: skip


@dataclass(frozen=True)
class Design:
    """An accelerator, as numbers.

    Attributes
    ----------
    family : {"dense", "sparse"}
    lanes : int
        Weight streams worked on at once (rows of the dense array), 1 to 256.
    vector : int
        V: output positions per lane, 1 to 256.
    window : int
        Activation vectors per window, a power of two and a multiple of ``feed`` (dense: 1).
    run_ahead : int
        Windows held at once: 1, 2 or 4 (dense: 1).
    feed : int
        Vectors written into the window per cycle, and channel banks: 1, 2, 4, 8, 16 (dense: 1).
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
        Decoded entries a lane buffers, 1 to 64 (dense: 1).
    index_bits : tuple of int
        Widths of the relative index that the unpacker supports, ascending.
    weight_bits, act_bits, acc_bits : int
        Widths of weights, activations and accumulators.
    buffers : Buffers or None
        Memory depths; None: as deep as the program at hand needs.

    Raises
    ------
    DesignError
        If a field or a combination does not exist; the message names the nearest legal choice.
    """

    family: Literal["dense", "sparse"]
    lanes: int
    vector: int
    window: int = 8
    run_ahead: int = 4
    feed: int = 8
    drain: int = 1
    drain_cycles: int = 1
    acc_sets: int = 2
    scan_bits: int = 16
    fifo_depth: int = 4
    index_bits: tuple[int, ...] = (4, 6, 8)
    weight_bits: int = 8
    act_bits: int = 8
    acc_bits: int = 24
    buffers: Buffers | None = None

    def __post_init__(self) -> None:
        if self.family not in ("dense", "sparse"):
            raise DesignError(f"design.family must be 'dense' or 'sparse', not {self.family!r}")
        ranges = {
            "lanes": (1, 256), "vector": (1, 256), "window": (1, 64), "drain": (1, 16),
            "drain_cycles": (1, 64), "fifo_depth": (1, 64), "weight_bits": (2, 16),
            "act_bits": (2, 16), "acc_bits": (8, 48),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise DesignError(f"design.{name} must be between {low} and {high}, not {value!r}")
        choices: dict[str, tuple[int, ...]] = {
            "run_ahead": (1, 2, 4), "feed": _POWERS, "acc_sets": (1, 2), "scan_bits": (16, 32, 64),
        }  # fmt: skip
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:
                raise DesignError(
                    f"design.{name} must be one of {_listed(allowed)}, not {value!r}"
                    f"{_nearest(value, allowed)}"
                )
        if self.vector % self.drain_cycles:
            divisors = [n for n in range(1, self.vector + 1) if self.vector % n == 0]
            raise DesignError(
                f"design.drain_cycles must divide vector ({self.vector}), not {self.drain_cycles}"
                f"{_nearest(self.drain_cycles, divisors)}"
            )
        if self.drain > self.lanes:
            raise DesignError(
                f"design.drain must be at most lanes ({self.lanes}), not {self.drain}"
            )
        if self.family == "dense":
            self._check_dense()
        else:
            self._check_sparse()

    def _check_dense(self) -> None:
        for name in ("window", "run_ahead", "feed", "fifo_depth"):
            if getattr(self, name) != 1:
                raise DesignError(
                    f"design.{name} must be 1 in the dense family, which takes one activation"
                    f" vector per cycle, not {getattr(self, name)}"
                )
        if self.index_bits:
            raise DesignError("design.index_bits must be empty in the dense family")

    def _check_sparse(self) -> None:
        if self.window & (self.window - 1):
            raise DesignError(
                f"design.window must be a power of two, not {self.window}"
                f"{_nearest(self.window, [1, 2, 4, 8, 16, 32, 64])}"
            )
        if self.window < self.feed:
            raise DesignError(
                f"design.window ({self.window}) must hold at least one feed step"
                f" (design.feed = {self.feed}); the nearest legal choice is window = {self.feed}"
            )
        if list(self.index_bits) != sorted(set(self.index_bits)) or not all(
            2 <= bits <= 12 for bits in self.index_bits
        ):
            raise DesignError(
                "design.index_bits must be ascending widths between 2 and 12, not"
                f" {list(self.index_bits)}"
            )
        if self.buffers is not None and self.buffers.feature_words * self.feed < self.window:
            raise DesignError(
                f"design.buffers.feature_words ({self.buffers.feature_words} in each of"
                f" {self.feed} banks) cannot hold one window of {self.window} vectors; the least"
                f" is {-(-self.window // self.feed)}"
            )

    @classmethod
    def named(cls, name: str) -> "Design":
        """Return the preset ``dense-RxV`` or ``sparse-LxV``, or the design of a TOML file.

        Raises
        ------
        DesignError
            If the name is neither, the file cannot be read, or a field is wrong.
        """
        if name.endswith(".toml"):
            return cls.from_toml(Path(name))
        family, _, size = name.partition("-")
        lanes, _, vector = size.partition("x")
        if family not in ("dense", "sparse") or not (lanes.isdecimal() and vector.isdecimal()):
            raise DesignError(
                f"unknown design {name!r}; use dense-RxV, sparse-LxV (such as sparse-16x16)"
                " or a .toml file"
            )
        if family == "dense":
            return cls.dense(int(lanes), int(vector))
        return cls("sparse", int(lanes), int(vector))

    @classmethod
    def dense(cls, lanes: int, vector: int) -> "Design":
        """Return the dense preset of ``lanes`` rows and ``vector`` columns."""
        return cls("dense", lanes, vector, window=1, run_ahead=1, feed=1, fifo_depth=1,
                   index_bits=())  # fmt: skip

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
                    f"{where}: unknown field design.{name}; known are {_listed(sorted(known))}"
                )
        for name in ("family", "lanes", "vector"):
            if name not in given:
                raise DesignError(f"{where}: design.{name} is missing")
        if "index_bits" in given:
            given["index_bits"] = tuple(given["index_bits"])
        buffers = given.pop("buffers", None)
        try:
            if buffers is not None:
                given["buffers"] = Buffers(**buffers)
            if given["family"] == "dense":
                base = cls.dense(given.pop("lanes"), given.pop("vector"))
                return replace(base, **given)
            return cls(**given)
        except TypeError as error:
            raise DesignError(f"{where}: {error}") from error
        except DesignError as error:
            raise DesignError(f"{where}: {error}") from error

    @property
    def name(self) -> str:
        """Name in the manner of the presets."""
        return f"{self.family}-{self.lanes}x{self.vector}"

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
        """Groups of at most 16 lanes that share one copy of the window."""
        return -(-self.lanes // CLUSTER_LANES)

    @property
    def drain_groups(self) -> int:
        """Turns the output stage needs to visit every lane."""
        return -(-self.lanes // self.drain)

    @property
    def beat_columns(self) -> int:
        """Output positions of one lane in one beat of the output stream."""
        return self.vector // self.drain_cycles

    @property
    def bus_bits(self) -> int:
        """Data bits of a beat of the load stream: whole bytes, at least 64, for the widest word.

        The widest word is an activation vector, an index word with its end flag, or a filter's
        bias and requantization.
        """
        index_word = self.scan_bits + 1 if self.family == "sparse" else 0
        filter_word = self.acc_bits + MULTIPLIER_BITS + SHIFT_BITS
        widest = max(64, self.vector * self.act_bits, index_word, filter_word)
        return -(-widest // 8) * 8


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def _nearest(value: Any, allowed: Any) -> str:
    if not isinstance(value, int):
        return ""
    return f"; the nearest legal choice is {min(allowed, key=lambda a: (abs(a - value), a))}"

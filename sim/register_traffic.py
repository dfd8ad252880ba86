"""The bits that go through registers on the way of a layer's work through the array.

Each family is a list of stages, in the order in which data go through them, with the width that the
gateware gives each and how often the work of a layer fills it. A stage is filled when something
goes through it: a register that is clocked without new work (an idle lane, a row without a filter)
is taken as gated. Queues and rings count each place that a word comes to. Counters, addresses and
control are left out: a few dozen bits beside the thousands of a vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..hw.decode import entry_layout as decoded_layout
from ..hw.design import CLUSTER_LANES, Buffers, Design, broadcast_stages
from ..hw.eie_words import item_layout, pointer_layout, row_bits
from ..hw.feeder import address_layout
from ..hw.fetch import index_word
from ..hw.front import queued_layout
from ..hw.mac import weight_copies
from ..hw.ports import bank_row
from ..hw.scale import filter_layout
from ..hw.window import feed_layout
from ..models.layer import MULTIPLIER_BITS, SHIFT_BITS
from .tensors import TENSORS
from .work import Work

__all__ = ["POSITION_BITS", "RegisterBits", "register_traffic"]

POSITION_BITS = 16
"""Width of an index position in decoders and port lanes (``hw.decode``)."""

_BOOTH_DIGIT_BITS = 3
_BOOTH_DIGITS = MULTIPLIER_BITS // 2 + 1


@dataclass(frozen=True)
class RegisterBits:
    """Bits of registers.

    Attributes
    ----------
    write_bits : int
        Bits that come into registers.
    read_bits : int
        Bits that are read of them, all told.
    selected_bits : int
        Those that are read through a multiplexer, of one register out of several: of a window, of
        a rotator's two vectors, of the accumulators of a PE, of the lanes that wait for the output
        stage.
    """

    write_bits: int
    read_bits: int
    selected_bits: int

    def to_json(self) -> dict[str, int]:
        """Return it as plain values."""
        return {
            "read_bits": self.read_bits,
            "write_bits": self.write_bits,
            "selected_bits": self.selected_bits,
        }


class _Tally:
    """Adds up the bits of each tensor."""

    def __init__(self) -> None:
        self._written = dict.fromkeys(TENSORS, 0)
        self._read = dict.fromkeys(TENSORS, 0)
        self._selected = dict.fromkeys(TENSORS, 0)

    def stage(self, tensor: str, bits: int, times: int) -> None:
        """Fill a register whose reader is always the same."""
        self._written[tensor] += bits * times
        self._read[tensor] += bits * times

    def store(self, tensor: str, bits: int, times: int) -> None:
        """Fill one of several registers that a multiplexer picks from."""
        self._written[tensor] += bits * times

    def pick(self, tensor: str, bits: int, times: int) -> None:
        """Read through a multiplexer."""
        self._read[tensor] += bits * times
        self._selected[tensor] += bits * times

    def found(self) -> dict[str, RegisterBits]:
        """Return what there is of any tensor."""
        return {
            tensor: RegisterBits(self._written[tensor], self._read[tensor], self._selected[tensor])
            for tensor in TENSORS
            if self._written[tensor] or self._read[tensor]
        }


def register_traffic(
    work: Work, loaded_words: Mapping[str, int], design: Design, buffers: Buffers
) -> dict[str, RegisterBits]:
    """Return the bits of each tensor that go through registers.

    Parameters
    ----------
    work : Work
    loaded_words : mapping of str to int
        Words of each tensor that come over the load streams.
    design : Design
    buffers : Buffers
    """
    tally = _Tally()
    for tensor, words in loaded_words.items():
        tally.stage(tensor, design.bus_bits, words)
    if design.family == "dense":
        _dense(tally, work, design)
    elif design.family == "eie":
        _eie(tally, work, design, buffers)
    else:
        _front(tally, work, design)
        if design.delivery == "port":
            _port(tally, work, design, buffers)
        else:
            _window(tally, work, design)
        _rows(tally, work, design)
    _output(tally, work, design)
    return tally.found()


def _tree(consumers: int) -> int:
    """Return the copies that a broadcast tree holds, of all its stages."""
    stages = range(1, broadcast_stages(consumers) + 1)
    copies: list[int] = [-(-consumers // CLUSTER_LANES**stage) for stage in stages]
    return sum(copies)


def _front(tally: _Tally, work: Work, design: Design) -> None:
    """Fetch, decode and queue the entries of sparse lanes."""
    weight_bits = design.simd_group * design.weight_bits
    tally.stage("indices", index_word(design).size, work.index_words)
    tally.stage("indices", POSITION_BITS + design.scan_bits, work.entries)  # position, bits used
    tally.stage("indices", decoded_layout(design).size, work.entries)
    # A word comes to every place of the queue: to those free as it is pushed, then to the others.
    places = design.fifo_depth * work.entries
    tally.stage("indices", queued_layout(design).size - weight_bits, places)
    tally.stage("weights", weight_bits, places)


def _window(tally: _Tally, work: Work, design: Design) -> None:
    """Feed the windows, and pick the operands of each weight from them."""
    vector = design.vector * design.act_bits
    tally.pick("inputs", design.feed * vector, work.steps)
    tally.stage("inputs", design.feed * vector, work.steps)
    tally.stage("inputs", feed_layout(design).size * _tree(design.streams), work.steps)
    tally.store("windows", design.clusters * design.feed * vector, work.steps)
    stages, copies = broadcast_stages(design.vector), weight_copies(design.vector)
    slot = (design.ring - 1).bit_length()
    tally.stage("indices", stages * slot + copies * design.ring, work.weights)
    tally.stage("weights", stages * design.simd_group * design.operand_bits, work.weights)
    tally.pick("windows", vector, work.weights)
    tally.stage("inputs", vector, work.weights)


def _port(tally: _Tally, work: Work, design: Design, buffers: Buffers) -> None:
    """Find the activations of each weight in the lane's own bank, and cut them out."""
    vector, row = design.vector * design.act_bits, bank_row(buffers).width
    copies = weight_copies(design.vector)
    turns = 2 * (design.vector + (design.vector - 1).bit_length())
    address = address_layout(design, buffers.feature_words).size
    tally.stage("indices", 2 * POSITION_BITS, work.weights)  # position, channel
    tally.stage("offsets", address + 4 * row + copies * turns, work.weights)
    # Stages 1 to 4 after the issue; the copies for the columns are those of the rows.
    tally.stage("weights", 4 * design.simd_group * design.operand_bits, work.weights)
    tally.pick("inputs", vector, work.weights)
    tally.stage("inputs", vector, work.weights)


def _rows(tally: _Tally, work: Work, design: Design) -> None:
    """Multiply in the rows of a sparse lane."""
    copies = 2 * weight_copies(design.vector)
    tally.stage("weights", copies * design.simd_group * design.operand_bits, work.weights)
    _accumulate(tally, work, design)


def _accumulate(tally: _Tally, work: Work, design: Design) -> None:
    """Register products and add them up in place; finished sums move to a second set."""
    tally.stage("accumulators", design.act_bits + design.operand_bits, work.macs)
    tally.stage("accumulators", design.acc_bits, work.macs)
    if design.acc_sets == 2:
        tally.stage("accumulators", design.acc_bits, work.sums)


def _dense(tally: _Tally, work: Work, design: Design) -> None:
    """Broadcast each vector to all rows, and give each row its weight."""
    vector, each = design.vector * design.act_bits, design.weights_per_row
    stages = broadcast_stages(design.vector)
    tally.pick("inputs", vector, work.steps)
    tally.stage("inputs", vector * (1 + _tree(design.lanes)), work.steps)
    if each == 1:
        copies = 1 + _tree(design.vector)
        tally.stage("weights", copies * design.operand_bits, work.weights)
    else:
        tally.stage("inputs", vector * (1 + stages), work.steps)
        tally.stage("inputs", design.act_bits * _tree(design.vector), work.steps)
        tally.stage("weights", each * design.weight_bits, work.weights)
        tally.pick("weights", weight_copies(each) * design.weight_bits, work.weights)
        tally.stage("weights", each * design.operand_bits, work.weights)
    _accumulate(tally, work, design)


def _eie(tally: _Tally, work: Work, design: Design, buffers: Buffers) -> None:
    """Scan the activations, broadcast the non-zero ones, and work off their columns."""
    item = item_layout(design, buffers.index_words).size
    value, row = design.act_bits + 1, row_bits(design)
    column = value + pointer_layout(buffers.weight_words)["start"].width
    tally.stage("inputs", design.feed * (value + 1), work.steps)
    tally.pick("inputs", value, work.items)
    tally.stage("inputs", item * (1 + _tree(design.lanes) + design.lanes), work.items)
    tally.store("indices", column, work.columns)
    tally.pick("indices", column, work.columns)
    tally.stage("inputs", value, work.columns)
    tally.stage("indices", row, work.entries)
    tally.stage("weights", value + design.operand_bits + row, work.weights)
    tally.stage("accumulators", value + design.operand_bits + row, work.macs)
    tally.pick("accumulators", design.acc_bits, work.macs)
    tally.store("accumulators", design.acc_bits, work.macs)
    tally.pick("accumulators", design.acc_bits, work.sums)
    tally.stage("accumulators", design.acc_bits, work.sums)


def _output(tally: _Tally, work: Work, design: Design) -> None:
    """Pick the lanes of a beat and requantize their sums."""
    columns, units = design.beat_columns, work.beats * design.drain
    lane = design.vector * design.acc_bits
    if design.drain_groups > CLUSTER_LANES:  # two stages of multiplexers
        parts = -(-design.drain_groups // CLUSTER_LANES)
        tally.pick("outputs", parts * lane, units)
        tally.stage("outputs", parts * lane, units)
    picked = columns * design.acc_bits if design.weights_per_row == 1 else lane
    tally.pick("outputs", picked, units)
    tally.stage("outputs", picked, units)
    if design.weights_per_row > 1:
        tally.pick("outputs", columns * design.acc_bits, units)
    tally.stage("outputs", columns * _scale_bits(design), units)
    digits = _BOOTH_DIGITS * _BOOTH_DIGIT_BITS
    tally.stage("filters", filter_layout(design).size + digits + 3 * SHIFT_BITS, units)


def _scale_bits(design: Design) -> int:
    """Return the register bits of ``hw.scale`` for one output, in all its stages."""
    product = design.acc_bits + MULTIPLIER_BITS
    shifted = design.act_bits + 2
    return 2 * design.acc_bits + 3 * product + (shifted + 2) + shifted + design.act_bits

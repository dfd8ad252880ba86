"""The memory image of a program: the bits the RTL is loaded with, and what it must answer.

Made from the ``Program`` (streams, assignment, layout) and the ``Layer`` (weight values, biases,
scales). The expected beats come from the outputs that the integer reference computed.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..models.formats import Bitmap, Relative
from ..models.layer import Layer
from .design import Buffers, Design
from .eie_program import EieProgram
from .eie_words import entry_layout, pointer_layout
from .feeder import address_layout
from .fetch import index_word
from .legal import MAX_WORDS
from .loader import FEATURE_KINDS, WEIGHT_KINDS, MemoryKind, header_layout
from .memories import lanes_per_beat
from .order import reordered
from .ports import bank_row
from .program import Program, check_arithmetic
from .registers import FORMAT_BITMAP, FORMAT_DENSE, FORMAT_RELATIVE, layer_layout
from .scale import filter_layout
from .weights import stored, stored_code

__all__ = ["Image", "expected_beats", "load_beats", "register_values"]


@dataclass(frozen=True, eq=False)
class Image:
    """Everything a testbench or a host needs to run one layer.

    Attributes
    ----------
    design, buffers : Design, Buffers
        The accelerator it runs on.
    registers : dict
        Value of each layer register, in register order.
    weight_load, feature_load : list of int
        Beats of the two load streams, ``design.bus_bits`` wide.
    beats : list of int
        Expected output beats.
    care : list of int
        Mask of the bits that count in each: positions in a row gap, past the map, or of lanes
        without a filter do not.
    """

    design: Design
    buffers: Buffers
    registers: dict[str, int]
    weight_load: list[int]
    feature_load: list[int]
    beats: list[int]
    care: list[int]

    @classmethod
    def of(
        cls,
        program: Program,
        layer: Layer,
        features: NDArray[np.int64],
        outputs: NDArray[np.int64],
    ) -> "Image":
        """Build the image for activations (batch, in, h, w) and outputs (batch, out, oh, ow).

        Raises
        ------
        FitError
            If the layer's numbers do not fit the design's widths.
        """
        check_arithmetic(layer, program.design)
        buffers = program.design.buffers or program.buffers
        for memory, words in vars(buffers).items():
            if words > MAX_WORDS:
                raise FitError(
                    f"layer {layer.shape.name}: {words} {memory} on {program.design.name}, whose"
                    f" load streams address {MAX_WORDS}; with design.buffers it runs in parts"
                )
        beats, care = expected_beats(program, outputs)
        return cls(
            program.design,
            buffers,
            register_values(program, layer),
            load_beats(program, layer, features, buffers, WEIGHT_KINDS),
            load_beats(program, layer, features, buffers, FEATURE_KINDS),
            beats,
            care,
        )


def register_values(program: Program, layer: Layer) -> dict[str, int]:
    """Return the layer registers of a program."""
    if isinstance(program, EieProgram):
        registers = program.registers(layer)
        _check_registers(registers, layer, program.design)
        return registers
    layout, design = program.layout, program.design
    form = program.format
    block = divmod(layout.plane, design.vector)
    group = divmod(layout.blocks * layout.plane, design.vector)
    following = divmod(layout.pass_positions, design.vector)
    requantization = layer.requantization
    values = {
        "format": FORMAT_RELATIVE
        if isinstance(form, Relative)
        else FORMAT_BITMAP
        if isinstance(form, Bitmap)
        else FORMAT_DENSE,
        "index_select": design.index_bits.index(form.index_bits)
        if isinstance(form, Relative)
        else 0,
        "feed_shift": layout.step_vectors.bit_length() - 1,
        "length": layout.length,
        "windows": layout.windows,
        "steps": layout.steps,
        "own_orders": int(len(program.orders) > 1),
        "weight_code": stored_code(layer, program),
        "accumulate": 0,
        "blocks": layout.blocks,
        "taps": layout.taps,
        "block_word": block[0],
        "block_rest": block[1],
        "own_filters": int(layout.columns == "filters"),
        "pass_word": following[0],
        "pass_rest": following[1],
        "position_tiles": layout.position_tiles,
        "tiles_per_group": program.tiles_per_group,
        "groups": program.groups,
        "channel_shift": layout.step_vectors.bit_length() - 1,
        "channels": layer.shape.in_channels,
        "last_tile_lanes": program.last_tile_lanes,
        "group_word": group[0],
        "group_rest": group[1],
        "zero_point": requantization.zero_point,
        "low": requantization.low,
        "high": requantization.high,
    }
    registers = {name: values[name] for name in layer_layout(design).members}
    _check_registers(registers, layer, design)
    return registers


def _check_registers(registers: dict[str, int], layer: Layer, design: Design) -> None:
    for name, shape in layer_layout(design).members.items():
        least, most = (-(1 << shape.width - 1), (1 << shape.width - 1) - 1) if shape.signed else (
            0, (1 << shape.width) - 1)  # fmt: skip
        if not least <= registers[name] <= most:
            raise FitError(
                f"layer {layer.shape.name}: register {name} would be {registers[name]}; that of"
                f" {design.name} goes from {least} to {most}"
            )


def load_beats(
    program: Program,
    layer: Layer,
    features: NDArray[np.int64],
    buffers: Buffers,
    kinds: Container[MemoryKind],
) -> list[int]:
    """Return the load stream that fills the memories of some kinds for one layer."""
    design = program.design
    beats: list[int] = []
    for memory, unit, words in _sections(program, layer, features, buffers):
        if words and memory in kinds:
            header = {"memory": memory, "unit": unit, "beats": len(words)}
            beats.append(header_layout().const(header).as_value().value)
            beats.extend(words)
    limit = 1 << design.bus_bits
    assert all(0 <= beat < limit for beat in beats)
    return beats


def expected_beats(program: Program, outputs: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return output beats and the mask of the bits that count, in the order they leave."""
    design, layout = program.design, program.layout
    own = layout.columns == "filters"  # a beat is of one column, its first is the only valid one
    size = layout.position_tiles * layout.vector
    flat = np.zeros((layout.shape.out_channels, size), np.int64)
    valid = np.zeros(size, np.bool_)
    positions = np.arange(0, size, design.vector) if own else layout.output_positions.reshape(-1)
    flat[:, positions] = outputs.transpose(1, 0, 2, 3).reshape(layout.shape.out_channels, -1)
    valid[positions] = True
    beats, care = [], []
    columns = design.beat_columns
    for tile, first in program.passes():
        filters = program.assignment[tile].reshape(design.lanes, -1)
        filled = int((filters[:, 0] >= 0).sum())
        for group in range(-(-filled // design.drain)):
            for chunk in range(program.group_cycles):
                lanes = filters[:, chunk if own else 0]
                low = first + (0 if own else chunk * columns)
                values, counts = [], []
                for unit in range(design.drain):
                    lane = group * design.drain + unit
                    known = lane < design.lanes and lanes[lane] >= 0
                    values += (
                        list(flat[lanes[lane], low : low + columns]) if known else ([0] * columns)
                    )
                    counts += list(valid[low : low + columns]) if known else [False] * columns
                beats.append(_pack(values, design.act_bits))
                care.append(_pack([-int(c) for c in counts], design.act_bits))
    return beats, care


def _sections(
    program: Program, layer: Layer, features: NDArray[np.int64], buffers: Buffers
) -> Iterator[tuple[MemoryKind, int, list[int]]]:
    design, layout = program.design, program.layout
    if isinstance(program, EieProgram):
        yield from _eie_sections(program, layer, features, buffers)
        return
    address = address_layout(design, buffers.feature_words)
    yield (
        MemoryKind.OFFSETS,
        0,
        [
            address.const(dict(zip(("word", "rest"), divmod(offset, design.vector), strict=True)))
            .as_value()
            .value
            for offset in _offsets(program)
        ],
    )
    for unit in range(design.drain):
        yield MemoryKind.FILTERS, unit, list(_filter_words(program, layer, unit))

    weights = layout.to_index_space(layer.weight)
    code = stored_code(layer, program)
    weights = stored(weights, code, design)
    group = design.simd_group
    lane_weights: list[list[int]] = [[] for _ in program.streams[0]]
    lane_words: list[list[int]] = [[] for _ in program.streams[0]]
    index = index_word(design)
    for tile, (lanes, streams) in enumerate(zip(program.assignment, program.streams, strict=True)):
        rows = reordered(
            np.where((lanes >= 0)[:, None], weights[lanes], 0),
            program.order_of(tile),
            layout.step_vectors,
        )
        for lane, stream in enumerate(streams):
            real = stream.entry_positions[~stream.entry_is_filler]
            if lanes[lane * group] >= 0:
                lane_weights[lane] += [
                    _pack(entry, design.weight_bits)
                    for entry in rows[lane * group : (lane + 1) * group, real].T
                ]
            elif design.family == "dense":
                lane_weights[lane] += [0] * layout.length
            lane_words[lane] += [
                int(bits) | int(end) << (index.size - 1)
                for bits, end in zip(stream.words, stream.end, strict=True)
            ]
    if design.delivery == "port":
        row_bits = bank_row(buffers).width
        yield from _by_beat(MemoryKind.BASES, _bases(program), row_bits, design)
    if design.family == "sparse":
        yield from _by_beat(MemoryKind.INDEX, lane_words, index.size, design)
    row_weights = _row_weights(lane_weights, program)
    yield from _by_beat(MemoryKind.WEIGHTS, row_weights, design.weight_word_bits, design)
    banks = layout.bank_images(features, layer.zero_point_in)
    for bank, vectors in enumerate(banks):
        yield MemoryKind.FEATURES, bank, [_pack(vector, design.act_bits) for vector in vectors]


def _eie_sections(
    program: EieProgram, layer: Layer, features: NDArray[np.int64], buffers: Buffers
) -> Iterator[tuple[MemoryKind, int, list[int]]]:
    design = program.design
    for unit in range(design.drain):
        yield MemoryKind.FILTERS, unit, list(_filter_words(program, layer, unit))
    pointer = pointer_layout(buffers.weight_words)
    pointers = program.pointer_words(buffers.weight_words)
    yield from _by_beat(MemoryKind.INDEX, pointers, pointer.size, design)
    entries = program.entry_words(layer)
    yield from _by_beat(MemoryKind.WEIGHTS, entries, entry_layout(design).size, design)
    words = program.feature_words(features, layer.zero_point_in)
    yield MemoryKind.FEATURES, 0, [_pack(word, design.act_bits) for word in words]


def _offsets(program: Program) -> list[int]:
    """Return the flat offsets of the offset memory: of the taps, or of the steps of each tile."""
    if program.design.family == "dense":
        return list(program.layout.tap_offsets)
    offsets = np.array(program.layout.step_offsets)
    ordered: list[int] = offsets[program.orders].ravel().tolist()
    return ordered


def _bases(program: Program) -> list[list[int]]:
    """Return the row of the first channel that each stream's filters read, tile after tile."""
    design, shape = program.design, program.shape
    first = program.assignment[:, :: design.simd_group]
    group = np.maximum(first, 0) // (shape.out_channels // shape.groups)
    bases: list[list[int]] = (group * program.layout.group_channels).T.tolist()
    return bases


def _filter_words(program: Program, layer: Layer, unit: int) -> Iterator[int]:
    design = program.design
    layout = filter_layout(design)
    lane_filters = program.layout.lane_filters
    # EIE PEs subtract the input zero point themselves.
    bias = layer.bias if design.family == "eie" else layer.folded_bias
    for filters in program.assignment:
        for group in range(design.drain_groups):
            first = (group * design.drain + unit) * lane_filters
            for place in range(first, first + lane_filters):
                number = int(filters[place]) if place < len(filters) else -1
                if number < 0:
                    yield 0
                    continue
                word = {
                    "bias": int(bias[number]),
                    "multiplier": int(layer.requantization.multiplier[number]),
                    "halvings": int(layer.requantization.shift[number]) - 1,
                }
                yield layout.const(word).as_value().value


def _row_weights(weights: list[list[int]], program: Program) -> list[list[int]]:
    """Return the weight words of each row, given the weights of each of its filters."""
    design, each = program.design, program.layout.lane_filters
    if design.weights_per_row == 1:
        return weights
    if each > 1:
        return [
            [_pack(word, design.weight_bits) for word in zip(*own, strict=True)]
            for own in (weights[low : low + each] for low in range(0, len(weights), each))
        ]
    return [
        [
            _pack(own[low : low + design.vector], design.weight_bits)
            for low in range(0, len(own), design.vector)
        ]
        for own in weights
    ]


def _by_beat(
    memory: MemoryKind, words: list[list[int]], word_bits: int, design: Design
) -> Iterator[tuple[MemoryKind, int, list[int]]]:
    """Interleave the words of the lanes of each unit; shorter lanes are filled with 0."""
    per_beat = lanes_per_beat(design, word_bits)
    for unit, low in enumerate(range(0, design.streams, per_beat)):
        members = words[low : low + per_beat]
        depth = max(len(member) for member in members)
        yield (
            memory,
            unit,
            [
                _pack([member[i] if i < len(member) else 0 for member in members], word_bits)
                for i in range(depth)
            ],
        )


def _pack(values: Sequence[int] | NDArray[np.int64], bits: int) -> int:
    """Put values side by side, the first lowest, each in ``bits`` bits (two's complement)."""
    mask = (1 << bits) - 1
    word = 0
    for value in reversed(list(values)):
        word = word << bits | int(value) & mask
    return word

"""The memory image: what a host loads, and what it must get back."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bosquet.engine.integer import layer_outputs
from bosquet.errors import FitError
from bosquet.hw.design import Design
from bosquet.hw.image import Image, expected_beats
from bosquet.hw.loader import MemoryKind, header_layout
from bosquet.hw.memories import lanes_per_beat, rooms
from bosquet.hw.order import reordered
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import Layer, LayerShape, Requantization

SHAPE = LayerShape("image", "conv", 3, 5, (2, 2), padding=(1, 0, 0, 1), height=3, width=3)
SPARSE = Design("sparse", 2, 4, window=4, feed=2, run_ahead=2)


def layer() -> Layer:
    rng = np.random.default_rng(1)
    mask = rng.random(SHAPE.weight_shape) < 0.5
    weight = np.where(mask, rng.integers(-128, 128, SHAPE.weight_shape), 0)
    scale = Requantization(rng.integers(1, 9, 5), np.full(5, 9), -3, -100, 90)
    return Layer(SHAPE, weight, mask, rng.integers(-99, 99, 5), scale, zero_point_in=4)


def features() -> Any:
    return np.random.default_rng(2).integers(-128, 128, (1, 3, 3, 3))


def image_on(design: Design, form: IndexFormat | None = None) -> tuple[Program, Image]:
    program = Program.plan(layer(), design, form)
    outputs = layer_outputs(layer(), features())
    return program, Image.of(program, layer(), features(), outputs)


def sections(image: Image) -> dict[tuple[MemoryKind, int], list[int]]:
    """Cut the load stream into its sections again."""
    found: dict[tuple[MemoryKind, int], list[int]] = {}
    beats = iter(image.weight_load + image.feature_load)
    for beat in beats:
        header = header_layout().from_bits(beat & ((1 << header_layout().size) - 1))
        place = (header.memory, header.unit)
        assert place not in found
        found[place] = [next(beats) for _ in range(header.beats)]
    return found


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("form", [Relative(4), Bitmap(), Dense()], ids=lambda form: form.name)
def test_weights_and_words_of_each_lane(form: IndexFormat) -> None:
    program, image = image_on(SPARSE, form)
    found = sections(image)
    ordered = program.layout.to_index_space(layer().weight)
    index_bits = SPARSE.scan_bits + 1
    assert lanes_per_beat(SPARSE, index_bits) == lanes_per_beat(SPARSE, 8) == 2
    for lane in range(2):
        expected: list[int] = []
        words: list[int] = []
        for tile, streams in enumerate(program.streams):
            stream, number = streams[lane], program.assignment[tile, lane]
            if number >= 0:
                (row,) = reordered(
                    ordered[[number]], program.order_of(tile), program.layout.step_vectors
                )
                expected += row[stream.entry_positions[~stream.entry_is_filler]].tolist()
            words += [
                int(word) | int(end) << SPARSE.scan_bits
                for word, end in zip(stream.words, stream.end, strict=True)
            ]
        loaded = [signed(beat >> (8 * lane) & 0xFF, 8) for beat in found[MemoryKind.WEIGHTS, 0]]
        assert loaded[: len(expected)] == expected
        index = [
            beat >> (index_bits * lane) & ((1 << index_bits) - 1)
            for beat in found.get((MemoryKind.INDEX, 0), [])
        ]
        assert index[: len(words)] == words


def test_features_are_loaded_bank_by_bank() -> None:
    program, image = image_on(SPARSE)
    found = sections(image)
    banks = program.layout.bank_images(features(), 4)
    assert [kind for kind, _ in found].count(MemoryKind.FEATURES) == len(banks)
    for bank, vectors in enumerate(banks):
        loaded = [
            [signed(beat >> (8 * i) & 0xFF, 8) for i in range(4)]
            for beat in found[MemoryKind.FEATURES, bank]
        ]
        assert loaded == vectors.tolist()


@pytest.mark.parametrize(
    "design", [SPARSE, Design.dense(5, 4), Design.port(5, 4)], ids=lambda design: design.name
)
def test_every_section_has_room_and_every_unit_a_section(design: Design) -> None:
    _, image = image_on(design)
    room = rooms(design, image.buffers, tuple(MemoryKind))
    found = sections(image)
    assert {kind: unit + 1 for kind, unit in sorted(found)} == {
        kind: units for kind, (units, _) in sorted(room.items())
    }
    for kind, (_, beats) in room.items():
        assert max(len(words) for (other, _), words in found.items() if other == kind) == beats


def test_registers_of_a_small_layer() -> None:
    """3 channels in blocks of 2 at 4 taps, on maps of 4x4 with padding, 5 filters on 2 lanes."""
    _, image = image_on(SPARSE, Bitmap())
    counts = {"steps": 8, "own_orders": 1, "length": 16, "windows": 4}
    assert {name: image.registers[name] for name in counts} == counts
    # Outputs end at flat position 2 * 4 + 2, so 3 vectors of 4; 3 tiles, the last with one filter.
    assert image.registers["position_tiles"] == 3
    assert image.registers["tiles_per_group"] == 3
    assert image.registers["last_tile_lanes"] == 1
    assert (image.registers["low"], image.registers["high"]) == (-100, 90)


def test_beats_by_hand() -> None:
    """Two filters at three positions on two lanes of two positions, drained together."""
    shape = LayerShape("beats", "fc", 1, 2, batch=3)
    ones = np.ones(2, np.int64)
    small = Layer(
        shape, np.ones((2, 1, 1, 1), np.int64), np.ones((2, 1, 1, 1), np.bool_), 0 * ones,
        Requantization(ones, ones, 0, -128, 127),
    )  # fmt: skip
    design = replace(Design.dense(2, 2), drain=2)
    program = Program.plan(small, design)
    lanes = [int(f) for f in program.assignment[0]]
    outputs = np.array([[[[1]], [[-1]]], [[[2]], [[-2]]], [[[3]], [[-3]]]])
    beats, care = expected_beats(program, outputs)
    by_filter = {0: (1, 2, 3), 1: (0xFF, 0xFE, 0xFD)}
    first, second = (by_filter[f] for f in lanes)
    assert beats == [
        first[0] | first[1] << 8 | second[0] << 16 | second[1] << 24,
        first[2] | second[2] << 16,
    ]
    assert care == [0xFFFFFFFF, 0x00FF00FF]  # the fourth position does not exist


def test_row_gaps_and_absent_lanes_do_not_count() -> None:
    program, image = image_on(replace(SPARSE, drain=2))
    counted = sum(bits.bit_count() for bits in image.care)
    assert counted == 8 * SHAPE.features_out
    assert len(image.beats) == program.tiles * program.layout.position_tiles


def test_a_layer_too_wide_for_the_design_is_refused() -> None:
    program = Program.plan(layer(), replace(SPARSE, acc_bits=8))
    with pytest.raises(FitError, match="needs acc_bits"):
        Image.of(program, layer(), features(), layer_outputs(layer(), features()))

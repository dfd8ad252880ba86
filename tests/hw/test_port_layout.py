"""The layout of a lane's own bank: rows add up from channel, tap and position vector."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bosquet.hw.design import Design
from bosquet.hw.layout import Layout, PortLayout
from bosquet.models.layer import LayerShape


@st.composite
def shapes(draw: st.DrawFn) -> LayerShape:
    """Small convolutions of every kind."""
    size = st.integers(1, 3)
    kernel = (draw(size), draw(size))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    groups = draw(st.integers(1, 3))
    return LayerShape(
        "drawn", "conv", groups * draw(st.integers(1, 5)), groups, kernel,
        stride=(draw(size), draw(size)), padding=(padding[0], padding[1], padding[2], padding[3]),
        groups=groups, height=kernel[0] + draw(st.integers(0, 6)),
        width=kernel[1] + draw(st.integers(0, 6)), batch=draw(st.integers(1, 2)),
    )  # fmt: skip


@given(shapes(), st.integers(1, 9))
def test_a_row_is_the_sum_of_its_terms(shape: LayerShape, vector: int) -> None:
    """Read as the lane reads: the even and the odd half at rows of their own, then rotated."""
    layout = Layout.of(shape, Design.port(2, vector))
    assert isinstance(layout, PortLayout)
    random = np.random.default_rng(0)
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    features = random.integers(1, 1000, size)
    (bank,) = layout.bank_images(features, -7)
    assert bank.shape == (layout.feature_words, vector)
    top, left, bottom, right = shape.padding
    padded = np.pad(features, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=-7)
    b, y, x = np.indices((shape.batch, shape.out_height, shape.out_width))
    flat = layout.output_positions
    channels = shape.in_channels
    for channel in range(channels):
        for tap, offset in enumerate(layout.step_offsets):
            i, j = divmod(tap, shape.kernel[1])
            expected = padded[b, channel, y * shape.stride[0] + i, x * shape.stride[1] + j]
            word, rest = divmod(offset, vector)
            read = []
            for number in range(layout.position_tiles):
                row = number // 2 * channels + channel + word // 2
                odd_term, odd_offset = number % 2, word % 2
                even = bank[2 * (row + (odd_term | odd_offset) * channels)]
                odd = bank[2 * (row + (odd_term & odd_offset) * channels) + 1]
                both = (odd, even) if odd_term ^ odd_offset else (even, odd)
                read.append(np.concatenate(both)[rest : rest + vector])
            np.testing.assert_array_equal(np.concatenate(read)[flat], expected)


@given(shapes(), st.integers(1, 9))
def test_index_space_holds_every_weight_once(shape: LayerShape, vector: int) -> None:
    layout = Layout.of(shape, Design.port(2, vector))
    weight = np.arange(1, shape.weights + 1).reshape(shape.weight_shape)
    ordered = layout.to_index_space(weight)
    assert ordered.shape == (shape.out_channels, layout.length)
    for row, own in zip(ordered, weight, strict=True):
        assert sorted(row[row > 0]) == own.ravel().tolist()


def test_tap_and_channel_are_bit_fields() -> None:
    layout = Layout.of(
        LayerShape("three", "conv", 3, 1, (2, 2), height=2, width=2), Design.port(1, 4)
    )
    weight = np.arange(12).reshape(1, 3, 2, 2)  # channel 2, tap (1, 0)
    assert layout.to_index_space(weight)[0, 2 << 2 | 2] == weight[0, 2, 1, 0]
    assert layout.length == 16

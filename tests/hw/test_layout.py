"""The flat layout: reading V consecutive positions at a tap gives the operands of the layer."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bosquet.hw.design import Design
from bosquet.hw.layout import Layout
from bosquet.models.layer import LayerShape


@st.composite
def shapes(draw: st.DrawFn) -> LayerShape:
    """Small convolutions of every kind."""
    size = st.integers(1, 3)
    kernel = (draw(size), draw(size))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    groups = draw(st.integers(1, 3))
    return LayerShape(
        "drawn", "conv", groups * draw(st.integers(1, 5)), groups, kernel,
        stride=(draw(size), draw(size)), padding=(padding[0], padding[1], padding[2], padding[3]),
        dilation=dilation, groups=groups,
        height=dilation[0] * (kernel[0] - 1) + 1 + draw(st.integers(0, 4)),
        width=dilation[1] * (kernel[1] - 1) + 1 + draw(st.integers(0, 4)),
        batch=draw(st.integers(1, 2)),
    )  # fmt: skip


DESIGNS = st.builds(
    lambda vector, feed: Design("sparse", 2, vector, window=8, feed=feed),
    st.integers(1, 9),
    st.sampled_from([1, 2, 4, 8]),
)


@given(shapes(), DESIGNS)
def test_taps_are_constant_offsets(shape: LayerShape, design: Design) -> None:
    """Output (b, y, x) at channel c and tap (i, j) stands where the layout says it stands."""
    layout = Layout.of(shape, design)
    rng = np.random.default_rng(0)
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    features = rng.integers(1, 1000, size)
    fill = -7
    banks = layout.bank_images(features, fill).reshape(layout.step_vectors, -1)
    top, left, bottom, right = shape.padding
    padded = np.pad(features, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    b, y, x = np.indices((shape.batch, shape.out_height, shape.out_width))
    for channel in range(shape.in_channels):
        group, within = divmod(channel, layout.group_channels)
        block, bank = divmod(within, layout.step_vectors)
        base = (group * layout.blocks + block) * layout.plane
        for tap, offset in enumerate(layout.tap_offsets):
            i, j = divmod(tap, shape.kernel[1])
            rows = y * shape.stride[0] + i * shape.dilation[0]
            columns = x * shape.stride[1] + j * shape.dilation[1]
            expected = padded[b, channel, rows, columns]
            np.testing.assert_array_equal(
                banks[bank][base + offset + layout.output_positions], expected
            )


@given(shapes(), DESIGNS)
def test_every_read_stays_in_the_bank(shape: LayerShape, design: Design) -> None:
    """An unaligned read of the last vector touches its own word and the next one."""
    layout = Layout.of(shape, design)
    last_base = (shape.groups * layout.blocks - 1) * layout.plane
    last_tile = (layout.position_tiles - 1) * design.vector
    word = (last_base + max(layout.tap_offsets) + last_tile) // design.vector
    assert word + 1 < layout.feature_words


@given(shapes(), DESIGNS)
def test_index_space_holds_every_weight_once(shape: LayerShape, design: Design) -> None:
    layout = Layout.of(shape, design)
    weight = np.arange(1, shape.weights + 1).reshape(shape.weight_shape)
    ordered = layout.to_index_space(weight)
    assert ordered.shape == (shape.out_channels, layout.length)
    for row, own in zip(ordered, weight, strict=True):
        assert sorted(row[row > 0]) == own.ravel().tolist()


def test_order_of_the_index_space_by_hand() -> None:
    """3 channels, 2 taps, feed 2: two blocks; the second has a gap in place of channel 3."""
    shape = LayerShape("hand", "conv", 3, 1, (1, 2), height=1, width=2)
    layout = Layout.of(shape, Design("sparse", 1, 1, window=4, feed=2))
    weight = np.array([[11, 12], [21, 22], [31, 32]]).reshape(1, 3, 1, 2)
    assert layout.to_index_space(weight).tolist() == [[11, 21, 12, 22, 31, 0, 32, 0]]
    assert (layout.steps, layout.window_steps, layout.windows) == (4, 2, 2)
    assert layout.window_of(np.arange(8)).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_fewest_steps_then_fewest_banks() -> None:
    """5 channels with feed 8 take 1 step of 8 per tap, 1 channel takes 1 step of 1."""
    wide = Design("sparse", 1, 1, window=8, feed=8)
    for channels, step_vectors in ((1, 1), (2, 2), (3, 4), (5, 8), (8, 8), (9, 8)):
        layout = Layout.of(LayerShape("fc", "fc", channels, 1), wide)
        assert layout.step_vectors == step_vectors
        assert layout.steps == -(-channels // step_vectors)


def test_row_gap_of_conv4() -> None:
    """13x13 with padding 1 has a pitch of 15: 12 rows of 15 and a last one of 13."""
    shape = LayerShape("conv4", "conv", 1, 1, (3, 3), padding=(1, 1, 1, 1), height=13, width=13)
    layout = Layout.of(shape, Design.dense(1, 16))
    assert layout.pitch == 15
    assert layout.flat_positions == 12 * 15 + 13
    assert layout.position_tiles == 13  # 193 positions in vectors of 16

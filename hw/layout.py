"""Where the activations of a layer lie, and in which order a lane meets its weights.

*Flat positions.* A channel is stored padded, row after row with a pitch of the padded width, and
split into stride x stride phases, so that a kernel tap is a constant offset and the vector of an
output tile is V consecutive positions. The columns in the row gap are computed and lost.

*Banks.* Channel ``c`` of a group lies in bank ``c % step_vectors``, so that one address reads
``step_vectors`` channels. A feed step brings one channel block at one tap.

*Columns.* The V columns of a lane work on V positions with one filter. On a dense design that reads
V weights per row and cycle they work instead on V filters at one position where that takes fewer
passes: a layer with one output position per image, such as an FC layer.

*Index space.* Position ``k = (block * taps + tap) * step_vectors + channel_in_block``: the order
in which vectors enter the window and in which a filter's weights are stored.

Lanes that read activations for themselves have one bank each, and lay it out otherwise
(``PortLayout``).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..models.layer import LayerShape
from .design import Design

__all__ = ["Layout", "PortLayout"]


@dataclass(frozen=True)
class Layout:
    """The flat layout of one layer for one design."""

    shape: LayerShape
    vector: int
    window: int
    feed: int
    columns: Literal["positions", "filters"] = "positions"

    @classmethod
    def of(cls, shape: LayerShape, design: Design) -> "Layout":
        """Return the layout of ``shape`` for ``design``."""
        if design.delivery == "port":
            cls = PortLayout
        columns: Literal["positions", "filters"] = "positions"
        if design.weights_per_row > 1 and shape.out_height == shape.out_width == 1:
            filters = shape.out_channels // shape.groups
            # Passes of one convolution group; with as many, sums of positions drain sooner.
            of_positions = -(-filters // design.lanes) * -(-shape.batch // design.vector)
            of_filters = -(-filters // (design.lanes * design.vector)) * shape.batch
            if of_filters < of_positions:
                columns = "filters"
        return cls(shape, design.vector, design.window, design.feed, columns)

    @property
    def lane_filters(self) -> int:
        """Filters a lane works on at once."""
        return self.vector if self.columns == "filters" else 1

    # ---- index space -------------------------------------------------------------------------

    @property
    def group_channels(self) -> int:
        """Input channels of one convolution group."""
        return self.shape.in_channels // self.shape.groups

    @cached_property
    def step_vectors(self) -> int:
        """Vectors of one feed step: the power of two up to ``feed`` with the fewest steps."""
        choices = [1 << n for n in range(self.feed.bit_length())]
        return min(choices, key=lambda n: (-(-self.group_channels // n), n))

    @property
    def blocks(self) -> int:
        """Channel blocks of one group."""
        return -(-self.group_channels // self.step_vectors)

    @property
    def taps(self) -> int:
        """Kernel positions."""
        return self.shape.kernel[0] * self.shape.kernel[1]

    @property
    def steps(self) -> int:
        """Feed steps of one tile."""
        return self.blocks * self.taps

    @property
    def length(self) -> int:
        """Index positions of one filter: its weights, and those of channels that fill a block."""
        return self.steps * self.step_vectors

    @property
    def window_steps(self) -> int:
        """Feed steps that fill one window."""
        return self.window // self.feed

    @property
    def windows(self) -> int:
        """Windows of one tile; the last may be partly filled."""
        return -(-self.steps // self.window_steps)

    def window_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the window, within its tile, of index positions."""
        windows: NDArray[np.int64] = positions // (self.step_vectors * self.window_steps)
        return windows

    def to_index_space(self, filters: NDArray[Any]) -> NDArray[Any]:
        """Order ``(out, in / groups, kh, kw)`` values as ``(out, length)``; gaps are zero."""
        out = filters.shape[0]
        padded = np.zeros((out, self.blocks * self.step_vectors, self.taps), dtype=filters.dtype)
        padded[:, : self.group_channels] = filters.reshape(out, self.group_channels, self.taps)
        blocked = padded.reshape(out, self.blocks, self.step_vectors, self.taps)
        return blocked.transpose(0, 1, 3, 2).reshape(out, self.length)

    # ---- positions ---------------------------------------------------------------------------

    @property
    def phase_rows(self) -> int:
        """Rows of one stride phase of one image."""
        return -(-self.shape.padded_height // self.shape.stride[0])

    @property
    def pitch(self) -> int:
        """Row pitch of a phase."""
        return -(-self.shape.padded_width // self.shape.stride[1])

    @cached_property
    def phases(self) -> tuple[tuple[int, int], ...]:
        """Stride phases (row, column) that some tap reads, in storage order."""
        rows, columns = self._tap_origins()
        (sh, sw) = self.shape.stride
        return tuple(sorted({(r % sh, c % sw) for r in rows for c in columns}))

    @property
    def phase_positions(self) -> int:
        """Positions of one phase of one channel, over the batch."""
        return self.shape.batch * self.phase_rows * self.pitch

    @property
    def plane(self) -> int:
        """Positions of one channel."""
        return len(self.phases) * self.phase_positions

    @cached_property
    def tap_offsets(self) -> tuple[int, ...]:
        """Flat offset of each tap, row by row."""
        rows, columns = self._tap_origins()
        (sh, sw) = self.shape.stride
        return tuple(
            self.phases.index((r % sh, c % sw)) * self.phase_positions
            + (r // sh) * self.pitch
            + c // sw
            for r in rows
            for c in columns
        )

    @property
    def step_offsets(self) -> tuple[int, ...]:
        """Flat offset of each feed step, block after block, all taps of each."""
        return tuple(
            block * self.plane + tap for block in range(self.blocks) for tap in self.tap_offsets
        )

    @property
    def image_positions(self) -> int:
        """Flat positions from one image to the next."""
        return self.phase_rows * self.pitch

    @property
    def pass_positions(self) -> int:
        """Flat positions from one pass of a filter tile to the next."""
        return self.image_positions if self.columns == "filters" else self.vector

    @property
    def flat_positions(self) -> int:
        """Flat output positions up to the last valid one, row gaps included."""
        last_image = (self.shape.batch - 1) * self.image_positions
        return last_image + (self.shape.out_height - 1) * self.pitch + self.shape.out_width

    @property
    def position_tiles(self) -> int:
        """Passes of a filter tile: vectors that cover the output positions, or images."""
        if self.columns == "filters":
            return self.shape.batch
        return -(-self.flat_positions // self.vector)

    @cached_property
    def output_positions(self) -> NDArray[np.int64]:
        """Flat position of each valid output, shape (batch, out_height, out_width)."""
        batch = np.arange(self.shape.batch)[:, None, None] * self.image_positions
        rows = np.arange(self.shape.out_height)[None, :, None] * self.pitch
        positions: NDArray[np.int64] = batch + rows + np.arange(self.shape.out_width)
        return positions

    @property
    def feature_words(self) -> int:
        """Vectors stored per channel bank, with the tail that an unaligned read touches."""
        blocks = self.shape.groups * self.blocks
        last_read = (
            (blocks - 1) * self.plane
            + max(self.tap_offsets)
            + (self.position_tiles - 1) * self.pass_positions
            + self.vector
            - 1
        )
        return max(blocks * self.plane - 1, last_read) // self.vector + 2

    def bank_images(self, features: NDArray[np.int64], fill: int) -> NDArray[np.int64]:
        """Lay ``(batch, in, h, w)`` activations out as (banks, feature_words, vector).

        Padding positions hold ``fill``, the zero point; positions nobody reads hold 0.
        """
        shape = self.shape
        channels = self._planes(features, fill).reshape(shape.groups, self.group_channels, -1)
        slots = np.zeros((shape.groups, self.blocks * self.step_vectors, self.plane), np.int64)
        slots[:, : self.group_channels] = channels
        banks = slots.reshape(-1, self.step_vectors, self.plane).transpose(1, 0, 2)
        image = np.zeros((self.step_vectors, self.feature_words * self.vector), np.int64)
        image[:, : banks.shape[1] * self.plane] = banks.reshape(self.step_vectors, -1)
        return image.reshape(self.step_vectors, self.feature_words, self.vector)

    def _planes(self, features: NDArray[np.int64], fill: int) -> NDArray[np.int64]:
        """Return the flat positions of each channel, (in, plane)."""
        shape = self.shape
        top, left, _, _ = shape.padding
        (sh, sw) = shape.stride
        padded = np.full(
            (shape.batch, shape.in_channels, self.phase_rows * sh, self.pitch * sw), fill, np.int64
        )
        padded[:, :, top : top + shape.height, left : left + shape.width] = features
        planes = np.stack([padded[:, :, r::sh, c::sw] for r, c in self.phases], axis=1)
        flat: NDArray[np.int64] = planes.transpose(2, 1, 0, 3, 4).reshape(shape.in_channels, -1)
        return flat

    def _tap_origins(self) -> tuple[list[int], list[int]]:
        (kh, kw), (dh, dw) = self.shape.kernel, self.shape.dilation
        return [i * dh for i in range(kh)], [j * dw for j in range(kw)]


class PortLayout(Layout):
    """The layout of a bank that a single lane reads through a port of its own.

    *Index space.* Position ``k = tap << channel_shift | channel``: tap and channel are bit fields.
    Channels that fill up to the power of two never have a weight.

    *Bank.* Vector ``w`` of channel ``c`` lies in row ``w // 2 * in_channels + c`` of the even or
    odd half. So channel, tap and position vector are each a term of the row's address, and no
    multiplier is needed. Every channel begins with a vector of its own.
    """

    @property
    def channel_shift(self) -> int:
        """Bits of an index position that are the channel within its group."""
        return (self.group_channels - 1).bit_length()

    @cached_property
    def step_vectors(self) -> int:
        """Index positions of one tap."""
        return 1 << self.channel_shift

    @property
    def blocks(self) -> int:
        """All channels of a group are one block."""
        return 1

    @property
    def windows(self) -> int:
        """A pass is one window that is always there."""
        return 1

    def window_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the window of index positions: the only one."""
        return np.zeros_like(positions)

    @property
    def step_offsets(self) -> tuple[int, ...]:
        """Offset of each tap: twice the rows it is away, 1 more in the odd half, and positions."""
        words = [divmod(offset, self.vector) for offset in self.tap_offsets]
        return tuple(
            (word // 2 * self.shape.in_channels * 2 + word % 2) * self.vector + rest
            for word, rest in words
        )

    @property
    def channel_words(self) -> int:
        """Vectors of each channel, an even number, with the tail that an unaligned read touches."""
        last_read = max(self.tap_offsets) + self.position_tiles * self.vector - 1
        words = max(self.plane - 1, last_read) // self.vector + 2
        return words + words % 2

    @property
    def feature_words(self) -> int:
        """Vectors of a bank: each lane has one."""
        return self.shape.in_channels * self.channel_words

    def bank_images(self, features: NDArray[np.int64], fill: int) -> NDArray[np.int64]:
        """Lay ``(batch, in, h, w)`` activations out as (1, feature_words, vector).

        Words of the even and the odd half take turns. Positions nobody reads hold 0.
        """
        channels = self.shape.in_channels
        flat = np.zeros((channels, self.channel_words * self.vector), np.int64)
        flat[:, : self.plane] = self._planes(features, fill)
        halves = flat.reshape(channels, self.channel_words // 2, 2, self.vector)
        return halves.transpose(1, 0, 2, 3).reshape(1, self.feature_words, self.vector)

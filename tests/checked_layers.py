"""A layer of a given mask, and the check that RTL, simulator and reference agree on it."""

import numpy as np

from bosquet.hw.design import Design
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.cosim import compare


def layer_of(shape: LayerShape, mask: np.ndarray, seed: int = 1) -> Layer:
    """Return a layer with the given mask and otherwise random numbers."""
    rng = np.random.default_rng(seed)
    out = shape.out_channels
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    scale = Requantization(rng.integers(1, 1 << 16, out), np.full(out, 22), -3, -128, 127)
    return Layer(shape, weight, mask, rng.integers(-999, 999, out), scale, zero_point_in=11)


def check(layer: Layer, design: Design, form: IndexFormat | None = None) -> None:
    shape = layer.shape
    rng = np.random.default_rng(2)
    features = rng.integers(-128, 128, (shape.batch, shape.in_channels, shape.height, shape.width))
    found = compare(Program.plan(layer, design, form), layer, features)
    assert found.equal, found


CONV = LayerShape("corner", "conv", in_channels=3, out_channels=3, kernel=(2, 2), height=4, width=4)
SPARSE = Design("sparse", lanes=2, vector=4, window=4, feed=2, run_ahead=2, fifo_depth=2)
SPARSE_FORMS = (Relative(4), Bitmap(), Dense())


def half_mask(shape: LayerShape) -> np.ndarray:
    return np.random.default_rng(3).random(shape.weight_shape) < 0.5

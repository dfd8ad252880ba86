"""A small layer on small designs, ready to run: what tests of the whole accelerator share."""

from dataclasses import replace
from functools import cache

import numpy as np

from bosquet.engine.integer import layer_outputs
from bosquet.hw.design import Design
from bosquet.hw.image import Image
from bosquet.hw.program import Program
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.rtl_host import Run

SHAPE = LayerShape("small", "conv", in_channels=3, out_channels=5, kernel=(2, 2), height=4, width=5)
SPARSE = Design("sparse", 3, 4, window=4, feed=2, run_ahead=2, fifo_depth=2)
DENSE = Design.dense(3, 4)
PORT = replace(Design.port(3, 4), fifo_depth=2)


@cache
def small_layer() -> Layer:
    rng = np.random.default_rng(6)
    density = np.linspace(0.2, 0.9, SHAPE.out_channels)[:, None, None, None]
    mask = rng.random(SHAPE.weight_shape) < density
    weight = np.where(mask, rng.integers(-128, 128, SHAPE.weight_shape), 0)
    scale = Requantization(rng.integers(1 << 15, 1 << 16, 5), np.full(5, 24), 0, -128, 127)
    return Layer(SHAPE, weight, mask, rng.integers(-999, 999, 5), scale, zero_point_in=3)


@cache
def image_on(design: Design, features_seed: int = 0) -> Image:
    """Return the layer with some activations on a design."""
    layer = small_layer()
    features = np.random.default_rng(features_seed).integers(-128, 128, (1, 3, 4, 5))
    return Image.of(Program.plan(layer, design), layer, features, layer_outputs(layer, features))


def right(run: Run, image: Image) -> bool:
    """Return whether a run gave the expected beats."""
    if len(run.beats) != len(image.beats):
        return False
    return [beat & care for beat, care in zip(run.beats, image.care, strict=True)] == [
        beat & care for beat, care in zip(image.beats, image.care, strict=True)
    ]

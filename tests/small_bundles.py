"""Two small layers on small designs, with all that a bundle is made of."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bosquet.engine.integer import layer_outputs
from bosquet.hw.bundle import Bundle, emit
from bosquet.hw.design import Design
from bosquet.hw.image import Image
from bosquet.hw.manifest import layer_facts
from bosquet.hw.program import Program
from bosquet.models.formats import Relative
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.cosim import predicted_counters

DESIGNS = {
    "sparse": Design("sparse", 3, 4, window=4, run_ahead=2, feed=2, index_bits=(4,)),
    "dense": Design.dense(3, 5),  # lanes without a filter, positions past the map
    "eie": replace(Design.eie(3), feed=4, acc_rows=1, drain=2),  # two row tiles
}


@dataclass(frozen=True)
class Case:
    """A layer on a design, with its predictions."""

    image: Image
    counters: dict[str, int]
    facts: dict[str, Any]

    def emit(self, folder: Path, name: str = "small_layer") -> Bundle:
        return emit(self.image, name, folder, self.counters, self.facts)


@cache
def small_case(family: str) -> Case:
    """Return a padded convolution of 4 to 5 channels with an empty filter; for EIE an FC layer."""
    rng = np.random.default_rng(3)
    shape = LayerShape("small", "conv", 4, 5, (3, 3), padding=(1, 1, 1, 1), height=4, width=5)
    if family == "eie":
        shape = LayerShape("small", "fc", 36, 5, batch=2)
    mask = rng.random(shape.weight_shape) < 0.3
    mask[2] = False
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    scale = Requantization(rng.integers(1 << 15, 1 << 16, 5), np.full(5, 25), 3, -128, 127)
    layer = Layer(shape, weight, mask, rng.integers(-999, 999, 5), scale, zero_point_in=-5)
    features = rng.integers(-128, 128, (shape.batch, shape.in_channels, shape.height, shape.width))
    if family == "eie":
        features = np.maximum(features, layer.zero_point_in)
    form = Relative(4) if family == "sparse" else None
    program = Program.plan(layer, DESIGNS[family], form).with_features(layer, features)
    image = Image.of(program, layer, features, layer_outputs(layer, features))
    return Case(image, predicted_counters(program, image), layer_facts(program))

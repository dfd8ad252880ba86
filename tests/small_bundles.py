"""Two small layers on small designs, with all that a bundle is made of."""

from functools import cache

import numpy as np

from bosquet.hw.design import Design
from bosquet.hw.job import Job
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Relative
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.cosim import predicted_job

DESIGNS = {
    "sparse": Design("sparse", 3, 4, window=4, run_ahead=2, feed=2, index_bits=(4,)),
    "dense": Design.dense(3, 5),  # lanes without a filter, positions past the map
}


@cache
def small_job(family: str) -> Job:
    """Return a padded convolution of 4 to 5 channels with an empty filter."""
    rng = np.random.default_rng(3)
    shape = LayerShape("small", "conv", 4, 5, (3, 3), padding=(1, 1, 1, 1), height=4, width=5)
    mask = rng.random(shape.weight_shape) < 0.3
    mask[2] = False
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    scale = Requantization(rng.integers(1 << 15, 1 << 16, 5), np.full(5, 25), 3, -128, 127)
    layer = Layer(shape, weight, mask, rng.integers(-999, 999, 5), scale, zero_point_in=-5)
    features = rng.integers(-128, 128, (1, 4, 4, 5))
    form = Relative(4) if family == "sparse" else None
    return predicted_job([(Schedule.plan(layer, DESIGNS[family], form), features)])

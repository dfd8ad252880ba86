"""Small jobs on small designs, with all that a bundle is made of."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from amaranth.hdl import Fragment

from bosquet.hw.design import Buffers, Design
from bosquet.hw.job import Job
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Relative
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.cosim import predicted_job

SPARSE = Design("sparse", 3, 4, window=4, run_ahead=2, feed=2, index_bits=(4,))
# The convolution of a part of the rows, or half of the FC layer's channels.
SMALL_BUFFERS = Buffers(
    weight_words=32, index_words=40, feature_words=20, filter_words=6, offset_words=40
)
JOBS = {
    "sparse": SPARSE,
    "port": Design.port(3, 4),
    "dense": Design.dense(3, 5),  # lanes without a filter, positions past the map
    "eie": replace(Design.eie(3), feed=4, acc_rows=1, drain=2),  # two row tiles
    "rows": replace(Design.dense(2, 3), weights_per_row=3),
    "parts": Design(
        "sparse", 3, 4, window=4, run_ahead=2, feed=2, index_bits=(4,), buffers=SMALL_BUFFERS
    ),
}


def small_layer(shape: LayerShape, seed: int) -> Layer:
    """Return a layer with an empty filter."""
    rng = np.random.default_rng(seed)
    mask = rng.random(shape.weight_shape) < 0.3
    mask[2] = False
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    filters = shape.out_channels
    scale = Requantization(
        rng.integers(1 << 15, 1 << 16, filters), np.full(filters, 25), 3, -128, 127
    )
    return Layer(shape, weight, mask, rng.integers(-999, 999, filters), scale, zero_point_in=-5)


@cache
def small_job(kind: str) -> Job:
    """Return a padded convolution of 4 to 5 channels, an FC layer (EIE), or both (parts)."""
    rng = np.random.default_rng(3)
    conv = LayerShape("small", "conv", 4, 5, (3, 3), padding=(1, 1, 1, 1), height=4, width=5)
    fc = LayerShape("wide", "fc", 120, 4)
    work = []
    two = LayerShape("wide", "fc", 36, 5, batch=2)
    shapes = {"parts": (conv, fc), "eie": (replace(two, name="small"),), "rows": (conv, two)}.get(
        kind, (conv,)
    )
    for seed, shape in enumerate(shapes):
        size = (shape.batch, shape.in_channels, shape.height, shape.width)
        form = Relative(4) if kind in ("sparse", "parts", "port") else None
        schedule = Schedule.plan(small_layer(shape, 3 + seed), JOBS[kind], form)
        low = -5 if kind == "eie" else -128  # as a ReLU leaves them
        work.append((schedule, np.maximum(rng.integers(-128, 128, size), low)))
    return predicted_job(work)


def no_verilog(component: Any, name: str) -> str:
    """Stand in for Yosys, where the text of the Verilog is not looked at."""
    Fragment.get(component, None)  # Amaranth complains of a component that nobody elaborates
    return f"module {name}; endmodule\n"

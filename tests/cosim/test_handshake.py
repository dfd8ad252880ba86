"""An output stream that is not always ready: the same beats, only later."""

from dataclasses import replace

import numpy as np
import pytest

from bosquet.engine.integer import layer_outputs
from bosquet.hw.design import Design
from bosquet.hw.image import Image
from bosquet.hw.program import Program
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.amaranth_rtl import run_rtl
from bosquet.sim.rtl_host import Pace

SHAPE = LayerShape(
    "stalled", "conv", in_channels=3, out_channels=5, kernel=(2, 2), height=4, width=5
)
DESIGNS = {
    "sparse": Design("sparse", 3, 4, window=4, feed=2, run_ahead=2, fifo_depth=2),
    "sparse_one_set": Design("sparse", 3, 4, window=4, feed=2, drain_cycles=2, acc_sets=1),
    "sparse_many_lanes": Design("sparse", 17, 2, window=2, feed=2, run_ahead=1),
    "dense": Design.dense(3, 4),
    "dense_drain_2": replace(Design.dense(3, 4), drain=2, acc_sets=1),
}  # fmt: skip
READY = {
    "random": np.random.default_rng(4).random(997) < 0.5,
    "seldom_ready": np.random.default_rng(5).random(997) < 0.9,
    "every_other": np.array([True, False]),
    "long_pauses": np.arange(100) >= 30,
}
"""True where the stream is not ready, repeated over the cycles."""


def image_on(design: Design) -> Image:
    rng = np.random.default_rng(6)
    mask = rng.random(SHAPE.weight_shape) < 0.6
    weight = np.where(mask, rng.integers(-128, 128, SHAPE.weight_shape), 0)
    scale = Requantization(rng.integers(1 << 15, 1 << 16, 5), np.full(5, 24), 0, -128, 127)
    layer = Layer(SHAPE, weight, mask, rng.integers(-999, 999, 5), scale, zero_point_in=3)
    features = rng.integers(-128, 128, (1, 3, 4, 5))
    return Image.of(Program.plan(layer, design), layer, features, layer_outputs(layer, features))


def pace_of(held: np.ndarray) -> Pace:
    """Return a pace that holds up every stream, each at other times."""
    return Pace(held[::-1].tolist(), np.roll(held, 7).tolist(), held.tolist())


@pytest.mark.parametrize("name", DESIGNS)
def test_beats_do_not_depend_on_the_pace(name: str) -> None:
    image = image_on(DESIGNS[name])
    free = run_rtl(image, limit=20_000)
    expected = [beat & care for beat, care in zip(image.beats, image.care, strict=True)]
    for stalls in READY.values():
        run = run_rtl(image, limit=20_000, pace=pace_of(stalls))
        beats = [beat & care for beat, care in zip(run.beats, image.care, strict=True)]
        assert beats == expected
        assert run.counters["output_beats"] == len(expected)
        assert run.counters["compute"] == free.counters["compute"]
        assert run.counters["filler"] == free.counters["filler"]
        assert run.counters["cycles"] >= free.counters["cycles"]


def test_stalls_are_counted_as_lane_cycles() -> None:
    """Compute and stalls still add up to lanes x cycles."""
    design = DESIGNS["sparse"]
    counters = run_rtl(image_on(design), 20_000, pace_of(READY["random"])).counters
    causes = set(counters) - {"cycles", "load_beats", "output_beats"}
    assert sum(counters[cause] for cause in causes) == design.lanes * counters["cycles"]


def test_a_stream_that_is_held_up_for_ever_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Pace\.features: every cycle is held up"):
        Pace(weights=(True, False), features=(True, True))

"""Designs as if they had been placed: nothing but their clocks and memories is told."""

from dataclasses import replace

from bosquet.hw.design import Buffers, Design
from bosquet.hw.synth.nextpnr import PlacedDesign
from bosquet.hw.synth.placed_point import PlacedPoint

__all__ = ["DENSE", "MEMORIES", "SPARSE", "placed_point"]

MEMORIES = Buffers(
    weight_words=2000, index_words=500, feature_words=500, filter_words=64, offset_words=200
)
"""They hold all of a small layer."""

DENSE = Design.dense(4, 8)
SPARSE = Design("sparse", 4, 8, window=4, run_ahead=3, feed=2, feed_order="natural")


def placed_point(
    design: Design,
    mhz: float,
    buffers: Buffers = MEMORIES,
    device: str = "ecp5-45k-8",
    seed: int = 1,
) -> PlacedPoint:
    have = {"lut": 43848, "dsp": 72, "bram": 108}
    placed = PlacedDesign(
        lut=2000, ff=1000, dsp=32, bram=10, available=have, freq_hz=mhz * 1e6,
        critical_path=("top.a", "top.b"), device=device, seed=seed, gateware="0",
        tools={"nextpnr": "1"},
    )  # fmt: skip
    return PlacedPoint.of(replace(design, buffers=buffers), placed)

"""A host that configures, loads, starts and takes: what the tests of the control unit share."""

from typing import Any

import pytest
from accelerators import DENSE, PORT, SPARSE

from bosquet.hw.image import Image
from bosquet.hw.registers import STATUS_BITS
from bosquet.hw.top import Accelerator
from bosquet.sim.rtl_host import RtlHost, Run

DESIGNS = {"sparse": SPARSE, "port": PORT, "dense": DENSE}
SWAPS = ("swap_weights", "swap_features")
CLEAR_ERROR = 1 << STATUS_BITS.index("error")
LONG = 5000
"""More cycles than a run of the small layer can take."""

each_family = pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)


def host_of(image: Image) -> RtlHost:
    return RtlHost(Accelerator(image.design, image.buffers))


async def loaded(ctx: Any, host: RtlHost, image: Image) -> None:
    await host.configure(ctx, image)
    await host.load(ctx, "weights", image.weight_load)
    await host.load(ctx, "features", image.feature_load)


async def completed(ctx: Any, host: RtlHost, *bits: str) -> Run:
    """Start, and take everything."""
    run = Run()
    await host.start(ctx, *bits)
    await host.take(ctx, run, LONG)
    await host.finish(ctx, run)
    return run

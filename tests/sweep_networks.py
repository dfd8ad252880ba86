"""Networks for the tests of sweeps: small, made up, and some that kill the process that loads them.

They lie in a module of its own because other processes import them by name.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bosquet.cli.masked_network import MaskedLayer, MaskedNetwork
from bosquet.errors import InputError
from bosquet.models.layer import LayerShape
from bosquet.models.masks import seed_for, uneven_mask
from bosquet.sim.sweep.grid import Grid, Point
from bosquet.sim.sweep.layers import Loader
from bosquet.sim.sweep.point import Runner
from bosquet.sim.sweep.spec import checked_spec
from bosquet.sim.technology import Technology

__all__ = [
    "DEADLY_SEED",
    "MARK",
    "SHAPES",
    "deadly",
    "deadly_once",
    "points_of",
    "runner_of",
    "small",
    "trained",
]

DEADLY_SEED = 5
"""The seed that kills."""

MARK = "BOSQUET_TEST_MARK"
"""Environment variable: the file that says that `deadly_once` has killed."""

SHAPES = (
    LayerShape("conv", "conv", 2, 4, (3, 3), padding=(1, 1, 1, 1), height=4, width=4),
    LayerShape("fc", "fc", 8, 6),
)

Shape = tuple[int, ...] | None


def small(network: str, input_shape: Shape, ratio: float | None, seed: int) -> MaskedNetwork:
    """Return a convolution of 72 weights and an FC layer of 48, without real weights."""
    if network == "nowhere":
        raise InputError("nowhere is no network")
    layers = tuple(
        MaskedLayer(
            shape, uneven_mask(shape.weight_shape, 1 / (ratio or 2), seed_for(seed, shape.name)),
            "uneven",
        )
        for shape in SHAPES
    )  # fmt: skip
    return MaskedNetwork(network, layers, None, ("MaxPool pool",))


def trained(network: str, input_shape: Shape, ratio: float | None, seed: int) -> MaskedNetwork:
    """Return the same with real weights, all of them 1."""
    layers = tuple(
        MaskedLayer(shape, np.ones(shape.weight_shape, np.bool_), "dense",
                    np.ones(shape.weight_shape, np.float32))
        for shape in SHAPES
    )  # fmt: skip
    return MaskedNetwork(network, layers, None)


def deadly(network: str, input_shape: Shape, ratio: float | None, seed: int) -> MaskedNetwork:
    """Kill the process at one seed, as a machine without memory would."""
    if seed == DEADLY_SEED:
        os.kill(os.getpid(), signal.SIGKILL)
    return small(network, input_shape, ratio, seed)


def deadly_once(network: str, input_shape: Shape, ratio: float | None, seed: int) -> MaskedNetwork:
    """Kill the process at one seed, the first time only."""
    mark = Path(os.environ[MARK])
    if seed == DEADLY_SEED and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return small(network, input_shape, ratio, seed)


def runner_of(values: dict[str, Any], load: Loader = small) -> Runner:
    """Return what runs the points of a specification."""
    return Runner(checked_spec({"network": "small", **values}, "spec"), load, Technology.load())


def points_of(runner: Runner) -> Sequence[Point]:
    """Return the points of a specification."""
    return list(Grid.of(runner.spec, 0).points())

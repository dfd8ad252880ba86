"""The fast tier: predicted cycles for the inner loop of a search."""

from .effort import LEAST_EFFORT, Effort
from .error import KNOWN_ERROR, KnownError, known_error
from .prediction import FastLayer, FastTimes, predict
from .prepared import Prepared
from .simulation import NO_ENERGY, FastSimulation

__all__ = [
    "KNOWN_ERROR",
    "LEAST_EFFORT",
    "NO_ENERGY",
    "Effort",
    "FastLayer",
    "FastSimulation",
    "FastTimes",
    "KnownError",
    "Prepared",
    "known_error",
    "predict",
]

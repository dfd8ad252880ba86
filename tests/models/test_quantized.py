"""The one rounding rule of all steps, by hand."""

import numpy as np
import pytest

from bosquet.errors import InputError
from bosquet.models.quantized import QuantizedNetwork, Rounding
from bosquet.models.scales import ActivationScale


def test_halves_round_up_then_the_zero_point_then_the_clamp() -> None:
    rule = Rounding(np.array(2), zero_point=10, low=8, high=12)
    # -2/4 = -0.5 -> 0, -3/4 -> -1, 2/4 = 0.5 -> 1, 6/4 = 1.5 -> 2, 5/4 -> 1, clamped at both ends.
    sums = np.array([-2, -3, 2, 6, 5, 100, -100])
    assert rule(sums).tolist() == [10, 9, 11, 12, 11, 12, 8]


def test_a_layer_that_does_not_exist() -> None:
    scale = ActivationScale(1.0, 0)
    network = QuantizedNetwork("net", "x", "x", (3,), scale, scale, (), "q/dq", {})
    with pytest.raises(InputError, match=r"^net has no layer 'conv1'; its layers are none$"):
        network.layer("conv1")

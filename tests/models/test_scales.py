"""Scales: ranges, rounding and fixed-point ratios, by hand and as properties."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.models.scales import ActivationScale, fixed_point, requantization_from_scales


def test_a_range_by_hand() -> None:
    # 0..2.55 in 8 bits: steps of 0.01, zero at the lowest integer.
    scale = ActivationScale.from_range(0.0, 2.55, 8)
    assert scale.scale == pytest.approx(0.01)
    assert scale.zero_point == -128
    assert scale.quantize(np.array([0.0, 0.014, 2.55, 9.0, -1.0])).tolist() == [
        -128,
        -127,
        127,
        127,
        -128,
    ]
    assert scale.clamp(0.0, 1.0) == (-128, -28)
    assert scale.clamp(-np.inf, np.inf) == (-128, 127)


@given(
    st.floats(-1e6, 1e6, width=32),
    st.floats(-1e6, 1e6, width=32),
    st.integers(2, 16),
    st.floats(0, 1),
)
def test_a_value_in_range_comes_back_within_half_a_step(
    one: float, other: float, bits: int, part: float
) -> None:
    low, high = sorted((one, other))
    scale = ActivationScale.from_range(low, high, bits)
    assert scale.dequantize(np.array([scale.zero_point])).tolist() == [0.0]
    value = low + part * (high - low)
    back = float(scale.dequantize(scale.quantize(np.array([value])))[0])
    # The zero point is rounded, so the last half step at either end may be cut off.
    assert abs(back - value) <= scale.scale * 1.01 + 1e-6 * abs(value)


def test_a_tensor_that_is_always_zero_has_a_scale() -> None:
    assert ActivationScale.from_range(0.0, 0.0, 8).quantize(np.zeros(1)).tolist() == [-128]


@pytest.mark.parametrize(
    ("low", "high", "bits", "message"),
    [
        (np.nan, 1.0, 8, "range must be finite and ordered, not nan..1.0"),
        (2.0, 1.0, 8, "range must be finite and ordered, not 2.0..1.0"),
        (0.0, 1.0, 1, "between 2 and 16 bits, not 1"),
        (0.0, 1.0, 99, "between 2 and 16 bits, not 99"),
    ],
)
def test_ranges_that_are_refused(low: float, high: float, bits: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ActivationScale.from_range(low, high, bits)


@pytest.mark.parametrize(
    ("ratio", "multiplier", "shift"),
    [
        (1.0, 1 << 15, 15),
        (0.5, 1 << 15, 16),
        (3.0, 3 << 14, 14),
        (0.9999999, 1 << 15, 15),  # the multiplier rounds up to 2**16, so the shift is one less
        (32767.0, 65534, 1),
        (2.0**-48, 1 << 15, 63),
        (2.0**-60, 8, 63),
        (0.0, 0, 1),
    ],
)
def test_fixed_point_by_hand(ratio: float, multiplier: int, shift: int) -> None:
    found = fixed_point("here", np.array([ratio]))
    assert [int(part[0]) for part in found] == [multiplier, shift]


@given(st.floats(2.0**-47, 2.0**15 - 1))
def test_fixed_point_is_within_its_bits(ratio: float) -> None:
    multiplier, shift = (int(part[0]) for part in fixed_point("here", np.array([ratio])))
    assert 1 << 15 <= multiplier < 1 << 16
    assert 1 <= shift <= 63
    error = abs(Fraction(multiplier, 1 << shift) / Fraction(ratio) - 1)
    assert error <= Fraction(1, 1 << 16)


@pytest.mark.parametrize("ratio", [2.0**15, -0.1, np.nan, np.inf])
def test_ratios_out_of_range_are_refused(ratio: float) -> None:
    with pytest.raises(InputError, match=r"^layer c: "):
        requantization_from_scales(
            "layer c", ratio, np.array([1.0]), ActivationScale(1.0, 0), (-128, 127)
        )

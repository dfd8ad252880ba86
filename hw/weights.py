"""How a weight is stored and decoded: the weight codes of ``models.layer`` in bits.

Two's complement is what it is. The zero-free code has the sign in the highest bit and the
magnitude less 1 below: b bits for +-1 .. +-2**(b-1), an operand of b + 1 bits.
"""

import numpy as np
from amaranth.hdl import Mux, Value
from numpy.typing import NDArray

from ..errors import FitError
from ..models.layer import Layer
from .design import Design
from .program import Program

__all__ = ["TWOS_COMPLEMENT", "ZERO_FREE", "decoded", "stored", "stored_code"]

TWOS_COMPLEMENT, ZERO_FREE = range(2)
"""Values of the layer register ``weight_code``."""


def stored_code(layer: Layer, program: Program) -> int:
    """Return the code in which a layer's weights are stored: its own, or two's complement.

    Raises
    ------
    FitError
        If the design does not decode the layer's code, or the program stores a 0 that the
        zero-free code lacks, and the range does not fit two's complement.
    """
    design = program.design
    if layer.weight_code == "twos_complement":
        if "twos_complement" in design.weight_codes:
            return TWOS_COMPLEMENT
        raise FitError(
            f"layer {layer.name}: {design.name} decodes zero-free weights only; add"
            " 'twos_complement' to design.weight_codes"
        )
    zeros = program.filter_weights - int(np.count_nonzero(layer.mask))
    if "zero_free" in design.weight_codes and not zeros:
        return ZERO_FREE
    if "twos_complement" in design.weight_codes and layer.weight_bits < design.weight_bits:
        return TWOS_COMPLEMENT
    why = (
        f"the {program.format.name} format on {design.name} stores {zeros} zeros that the"
        " zero-free code lacks"
        if zeros
        else f"{design.name} does not decode zero-free weights"
    )
    raise FitError(
        f"layer {layer.name}: {why}; as two's complement they need weight_bits ="
        f" {layer.weight_bits + 1}, and it has {design.weight_bits}"
    )


def stored(weights: NDArray[np.int64], code: int, design: Design) -> NDArray[np.int64]:
    """Return weights as the bits in which they are stored, in two's complement as they are."""
    if code == TWOS_COMPLEMENT:
        return weights
    sign = (weights < 0).astype(np.int64) << (design.weight_bits - 1)
    bits: NDArray[np.int64] = sign | np.maximum(np.abs(weights) - 1, 0)
    return bits


def decoded(bits: Value, zero_free: Value, design: Design) -> Value:
    """Return the operand of ``design.operand_bits`` that stored bits stand for.

    Parameters
    ----------
    bits : Value
        ``design.weight_bits`` bits.
    zero_free : Value
        The layer's code, if the design has both.
    """
    plain = bits.as_signed()
    if "zero_free" not in design.weight_codes:
        return plain
    magnitude = bits[:-1] + 1
    levels = Mux(bits[-1], -magnitude, magnitude)
    if "twos_complement" not in design.weight_codes:
        return levels
    return Mux(zero_free, levels, plain)

"""Lowering: from a network and the scales of its activations to integer steps.

Scales need not be known everywhere. ReLU, clips, max pooling and moves of data commute with
rounding to integers, so a layer whose output reaches its scale only behind them writes that scale
at once, and the clamps on the way become the clamp of the layer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layer import Layer, WeightCode
from .network import Network, Node, WeightLayer
from .operations import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Concat,
    Dequantize,
    MaxPool,
    Pad,
    Quantize,
    Reshape,
    Softmax,
    Transpose,
    Weighted,
)
from .quantized import (
    AddStep,
    AffineStep,
    AveragePoolStep,
    ConcatStep,
    LayerStep,
    MaxPoolStep,
    PadStep,
    ReshapeStep,
    Rounding,
    Step,
    TransposeStep,
)
from .scales import ActivationScale, fixed_point, requantization_from_scales

__all__ = ["IntegerWeights", "Lowered", "Value", "WeightQuantizer", "commuting", "lower"]


@dataclass(frozen=True, eq=False)
class IntegerWeights:
    """Weights and bias of a layer in integers.

    Attributes
    ----------
    weight : int64 array (out, in / groups, kh, kw)
        Weights.
    scale : float64 array (out,)
        Real value of one step.
    bias : int64 array (out,)
        In steps of the input scale times ``scale``.
    bits : int
        Width of the weights.
    code : {"twos_complement", "zero_free"}
    """

    weight: NDArray[np.int64]
    scale: NDArray[np.float64]
    bias: NDArray[np.int64]
    bits: int
    code: WeightCode = "twos_complement"


class WeightQuantizer(Protocol):
    """Gives the integer weights of a layer whose input has a known scale."""

    def __call__(self, layer: WeightLayer, scale_in: ActivationScale) -> IntegerWeights:
        """Return them."""


@dataclass(frozen=True)
class Value:
    """A tensor in integers: its name among the steps, its scale and the bounds it keeps to."""

    tensor: str
    scale: ActivationScale
    low: int
    high: int


@dataclass(frozen=True)
class Lowered:
    """Integer steps, with the scales of images and scores and the name of the latter."""

    steps: tuple[Step, ...]
    input_scale: ActivationScale
    output: Value
    notes: tuple[str, ...]


def commuting(network: Network, tensor: str) -> Iterator[tuple[str, float, float]]:
    """Follow a tensor through nodes that commute with rounding.

    Yields
    ------
    tensor : str
        First the given one, then what each such node writes, as long as it is the only reader.
    low, high : float
        The clamp on the way, together.
    """
    low, high = -inf, inf
    while True:
        yield tensor, low, high
        readers = network.consumers.get(tensor, ())
        if len(readers) != 1 or tensor in network.output_names:
            return
        match readers[0].operation:
            case Clip(bottom, top):
                low, high = min(max(low, bottom), top), max(min(high, top), bottom)
            case MaxPool() | Reshape() | Transpose():
                pass
            case Pad(value=0.0):
                pass
            case _:
                return
        tensor = readers[0].outputs[0]


def lower(
    network: Network,
    scales: Mapping[str, ActivationScale],
    weights: WeightQuantizer,
) -> Lowered:
    """Turn a network into integer steps.

    Parameters
    ----------
    network : Network
        With or without Q/DQ nodes.
    scales : mapping of str to ActivationScale
        Scales of tensors besides those that Q/DQ nodes give.
    weights : WeightQuantizer
        Quantizes the layers.

    Raises
    ------
    InputError
        If a node cannot be executed, or the scale of an output cannot be found.
    """
    network.require_executable()
    lowering = _Lowering(network, scales, weights)
    source = lowering.target(network.input_name, "the input")
    scale = source.scale
    lowering.values[network.input_name] = Value(network.input_name, scale, scale.low, scale.high)
    for node in network.nodes:
        lowering.add(node)
    output = lowering.values[network.output_names[0]]
    return Lowered(tuple(lowering.steps), scale, output, tuple(lowering.notes))


class _Lowering:
    """Steps so far, and the value of each tensor."""

    def __init__(
        self, network: Network, scales: Mapping[str, ActivationScale], weights: WeightQuantizer
    ) -> None:
        self.network = network
        self.scales = scales
        self.weights = weights
        self.steps: list[Step] = []
        self.values: dict[str, Value] = {}
        self.notes: list[str] = []

    def found(self, tensor: str) -> Value | None:
        """Return what `tensor` is to be written as, if a scale is given for it or further on."""
        for name, low, high in commuting(self.network, tensor):
            scale = self.scales.get(name)
            for reader in self.network.consumers.get(name, ()):
                if scale is None and isinstance(reader.operation, Quantize):
                    scale = reader.operation.scale
            if scale is not None:
                return Value(tensor, scale, *scale.clamp(low, high))
        return None

    def target(self, tensor: str, where: str) -> Value:
        """Return what `tensor` is to be written as; refuse if no scale is given."""
        value = self.found(tensor)
        if value is None:
            raise InputError(
                f"{self.network.name}: {where} ({tensor!r}) has no scale: neither a calibrated"
                " range nor a QuantizeLinear after it; quantize every activation, the output too"
            )
        return value

    def add(self, node: Node) -> None:
        """Append the steps of a node."""
        output = node.outputs[0]
        shape = self.network.shapes[output][1:]
        base = (node.name, tuple(self.values[n].tensor for n in node.inputs), output, shape)
        x = self.values[node.inputs[0]]
        where = f"node {node.name}"
        match node.operation:
            case Weighted(name):
                y = self.target(output, f"the output of layer {name}")
                self._append(LayerStep(*base, self._layer(self.network.layer(name), x, y)), y)
            case MaxPool(window):
                self._append(MaxPoolStep(*base, window), x)
            case Reshape():
                self._append(ReshapeStep(*base), x)
            case Transpose(order):
                self._append(TransposeStep(*base, order), x)
            case Pad(widths, real):
                border = int(x.scale.quantize(np.array(real)))
                bounds = replace(x, low=min(x.low, border), high=max(x.high, border))
                self._append(PadStep(*base, widths, border), bounds)
            case AveragePool(window):
                y = self.target(output, where)
                counts = node.operation.counts(*self.network.shapes[node.inputs[0]][2:])
                ratio = x.scale.scale / y.scale.scale / counts
                multiplier, shift = fixed_point(where, ratio)
                rounding = _rounding(shift, y)
                zero_point = x.scale.zero_point
                step = AveragePoolStep(*base, window, zero_point, multiplier, rounding)
                self._append(step, y)
            case Affine(scale, offset, axis):
                y = self.target(output, where)
                along = (slice(None), *[None] * (len(shape) - axis))
                self._append(_affine(base, x, y, scale[along], offset[along]), y)
            case Add():
                y = self.target(output, where)
                self._append(_add(base, [self.values[n] for n in node.inputs], y), y)
            case Concat(axis):
                self._concat(node, axis, shape)
            case Clip(low, high):
                self._rescale(base, x, self.found(output) or x, low, high)
            case Quantize(scale):
                readers = self.network.consumers[node.inputs[0]]
                if (
                    len({r.operation.scale for r in readers if isinstance(r.operation, Quantize)})
                    > 1
                ):
                    self.notes.append(
                        f"tensor {node.inputs[0]!r} is quantized to several scales; {node.name}"
                        " rounds what was rounded for the first"
                    )
                self._rescale(base, x, Value(output, scale, scale.low, scale.high), -inf, inf)
            case Dequantize(scale):
                if scale.bits != x.scale.bits:
                    raise InputError(f"{where}: reads other integers than are written")
                self.values[output] = replace(x, scale=scale)
            case Softmax():
                if output not in self.network.output_names:
                    raise InputError(f"{where}: softmax is executed only as the last node")
                self.values[output] = x
                self.notes.append(f"the scores are those before the softmax {node.name}")

    def _append(self, step: Step, value: Value) -> None:
        self.steps.append(step)
        self.values[step.output] = replace(value, tensor=step.output)

    def _layer(self, layer: WeightLayer, x: Value, y: Value) -> Layer:
        integers = self.weights(layer, x.scale)
        return Layer(
            layer.shape,
            integers.weight,
            layer.mask,
            integers.bias,
            requantization_from_scales(
                f"layer {layer.name}", x.scale.scale, integers.scale, y.scale, (y.low, y.high)
            ),
            x.scale.zero_point,
            integers.bits,
            max(x.scale.bits, y.scale.bits),
            integers.code,
        )

    def _rescale(
        self,
        base: tuple[str, tuple[str, ...], str, tuple[int, ...]],
        x: Value,
        y: Value,
        low: float,
        high: float,
    ) -> Value:
        """Bring a value to the scale of `y` and into low..high; no step if it is there."""
        bounds = y.scale.clamp(low, high)
        bounds = (max(bounds[0], y.low), min(bounds[1], y.high))
        if x.scale == y.scale and bounds[0] <= x.low and x.high <= bounds[1]:
            self.values[base[2]] = x
            return x
        made = replace(y, low=bounds[0], high=bounds[1])
        one = np.ones((1,) * len(base[3]))
        self._append(_affine(base, x, made, one, 0 * one), made)
        return self.values[base[2]]

    def _concat(self, node: Node, axis: int, shape: tuple[int, ...]) -> None:
        output = node.outputs[0]
        inputs = [self.values[name] for name in node.inputs]
        y = self.found(output)
        if y is None and len({value.scale for value in inputs}) == 1:
            scale = inputs[0].scale
            y = Value(output, scale, scale.low, scale.high)
        if y is None:
            y = self.target(output, f"node {node.name}")
        parts = []
        for index, (name, x) in enumerate(zip(node.inputs, inputs, strict=True)):
            made = f"{output}.part{index}"
            base = (f"{node.name}.part{index}", (x.tensor,), made, self.network.shapes[name][1:])
            parts.append(self._rescale(base, x, y, -inf, inf).tensor)
        self._append(ConcatStep(node.name, tuple(parts), output, shape, axis), y)


def _rounding(shift: NDArray[np.int64], y: Value) -> Rounding:
    return Rounding(shift, y.scale.zero_point, y.low, y.high)


def _affine(
    base: tuple[str, tuple[str, ...], str, tuple[int, ...]],
    x: Value,
    y: Value,
    scale: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> AffineStep:
    ratio = scale * (x.scale.scale / y.scale.scale)
    multiplier, shift = fixed_point(f"node {base[0]}", np.abs(ratio))
    signed = np.where(ratio < 0, -multiplier, multiplier)
    steps = np.rint(np.ldexp(offset / y.scale.scale, shift))
    if (np.abs(steps) >= 2.0**62).any():
        raise InputError(f"node {base[0]}: an offset is too large for the output's scale")
    rounding = _rounding(shift, y)
    return AffineStep(*base, x.scale.zero_point, signed, steps.astype(np.int64), rounding)


def _add(
    base: tuple[str, tuple[str, ...], str, tuple[int, ...]], inputs: list[Value], y: Value
) -> AddStep:
    ratios = np.array([x.scale.scale for x in inputs]) / y.scale.scale
    _, shift = fixed_point(f"node {base[0]}", ratios.max())
    multipliers = tuple(int(m) for m in np.rint(np.ldexp(ratios, shift)))
    zero_points = tuple(x.scale.zero_point for x in inputs)
    return AddStep(*base, zero_points, multipliers, _rounding(shift, y))

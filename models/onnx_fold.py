"""Constant folding: what is left of an ONNX graph once everything known is computed.

A weight often reaches its layer through other nodes: multiplied with a mask (PyTorch pruning),
transposed, cast, dequantized, or built by ConstantOfShape. All that is evaluated here, shapes of
activations included, so that a weight is the array that a runtime would see. Folding and shape
inference take turns until nothing changes: each can make the other possible.

A tensor filled with one value (ConstantOfShape, Expand) is kept as a broadcast view: it takes no
memory however large it is, and ``is_filled`` tells it from a real weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from .onnx_attributes import NodeAttributes
from .onnx_file import widened

__all__ = ["FoldedGraph", "StoredIntegers", "fold", "is_filled"]

Shape = tuple[int, ...]

STANDARD_DOMAINS = ("", "ai.onnx")

NOT_FOLDED = frozenset(
    "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Multinomial Bernoulli"
    " If Loop Scan SequenceMap".split()
)
"""Operators that are not functions of their inputs, or hold graphs of their own."""

ELEMENTWISE = frozenset(("Cast", "Neg", "Add", "Sub", "Mul", "Div"))
"""Operators that are computed once for a tensor that holds one value only."""

SHAPE_VALUES = 4096
"""Integer constants up to this size are shown to shape inference; a shape is far smaller."""


@dataclass(frozen=True, eq=False)
class StoredIntegers:
    """What a DequantizeLinear of constants read.

    Attributes
    ----------
    integers : int64 array
        Zero point subtracted.
    scale : float64 array
        One value, or one for each index of `axis`.
    axis : int
        The axis of `scale`.
    bits : int
        Signed width that holds every value.
    """

    integers: NDArray[np.int64]
    scale: NDArray[np.float64]
    axis: int
    bits: int


@dataclass(frozen=True)
class FoldedGraph:
    """A graph without constant subgraphs.

    Attributes
    ----------
    nodes : tuple of NodeProto
        What depends on the input, in order.
    constants : mapping of str to array
        Every constant that a node reads.
    origins : mapping of str to tuple of str
        Initializers that a constant was computed from.
    stored : mapping of str to StoredIntegers
        Constants that are dequantized integers.
    shapes : mapping of str to tuple of int
        Activations whose shape is known in full.
    """

    nodes: tuple[NodeProto, ...]
    constants: Mapping[str, NDArray[Any]]
    origins: Mapping[str, tuple[str, ...]]
    stored: Mapping[str, StoredIntegers]
    shapes: Mapping[str, Shape]


def is_filled(array: NDArray[Any]) -> bool:
    """Return whether an array is one value repeated without memory, so not a real weight."""
    return array.size > 1 and not any(array.strides)


def fold(
    model: onnx.ModelProto,
    inputs: Mapping[str, Shape],
    initializers: Mapping[str, NDArray[Any]],
) -> FoldedGraph:
    """Fold the constants of a model whose inputs have known shapes.

    Parameters
    ----------
    model : onnx.ModelProto
        With its functions inlined.
    inputs : mapping of str to tuple of int
        Activation inputs of the graph.
    initializers : mapping of str to array
        Constants of the graph.
    """
    folder = _Folder(model, dict(initializers))
    nodes = list(model.graph.node)
    while True:
        shapes = _all_shapes(model, nodes, folder.constants, inputs)
        remaining = [node for node in nodes if not folder.folded(node, shapes)]
        if len(remaining) == len(nodes):
            break
        nodes = remaining
    return FoldedGraph(
        tuple(_needed(nodes, [output.name for output in model.graph.output])),
        folder.constants,
        folder.origins,
        folder.stored,
        shapes,
    )


@dataclass
class _Folder:
    """The constants found so far."""

    model: onnx.ModelProto
    constants: dict[str, NDArray[Any]]
    origins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stored: dict[str, StoredIntegers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.origins = {name: (name,) for name in self.constants}

    def folded(self, node: NodeProto, shapes: Mapping[str, Shape]) -> bool:
        """Compute a node if it is constant, and say whether it is."""
        if node.domain not in STANDARD_DOMAINS or node.op_type in NOT_FOLDED:
            return False
        values: list[NDArray[Any]] | None
        constant = [name in self.constants for name in node.input if name]
        if node.op_type in ("Shape", "Size") and node.input[0] in shapes:
            values = _shape_values(node, shapes[node.input[0]])
        elif node.op_type == "CastLike" and constant == [True, False]:
            # PyTorch casts constants like an activation; those are float32 here.
            values = [self.constants[node.input[0]].astype(np.float32)]
        elif all(constant):
            values = self._evaluated(node)
        else:
            return False
        if values is None:
            return False
        origins = tuple(dict.fromkeys(o for n in node.input for o in self.origins.get(n, ())))
        for name, value in zip(node.output, values, strict=False):
            self.constants[name] = value
            self.origins[name] = origins
        return True

    def _evaluated(self, node: NodeProto) -> list[NDArray[Any]] | None:
        """Return the outputs of a node with constant inputs, or None if they cannot be found."""
        inputs = [self.constants[name] for name in node.input if name]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        match node.op_type:
            case "ConstantOfShape":
                value = attributes.get("value")
                fill = np.float32(0) if value is None else numpy_helper.to_array(value).reshape(())
                return [np.broadcast_to(widened(np.asarray(fill)), tuple(map(int, inputs[0])))]
            case "Expand":
                shape = np.broadcast_shapes(inputs[0].shape, tuple(map(int, inputs[1])))
                return [np.broadcast_to(inputs[0], shape)]
            case "DequantizeLinear" if "block_size" not in attributes:
                stored = stored_integers(inputs, int(attributes.get("axis", 1)))
                self.stored[node.output[0]] = stored
                scale = _along(stored.scale, stored.axis, stored.integers.ndim)
                # A bias is int32: float32 would lose its last bits.
                real = stored.integers * scale
                return [real if inputs[0].dtype == np.int32 else real.astype(np.float32)]
            case "Transpose" | "Identity":
                self._follow_stored(node, attributes)
            case op if op in ELEMENTWISE and any(map(is_filled, inputs)):
                if all(is_filled(array) or array.size == 1 for array in inputs):
                    single = self._run(node, [array.reshape(-1)[:1] for array in inputs])
                    shape = np.broadcast_shapes(*(array.shape for array in inputs))
                    return single and [np.broadcast_to(single[0], shape)]
        return self._run(node, inputs)

    def _follow_stored(self, node: NodeProto, attributes: Mapping[str, Any]) -> None:
        """Keep the integers of a dequantized weight known when it is transposed."""
        stored = self.stored.get(node.input[0])
        if stored is None:
            return
        order = tuple(range(stored.integers.ndim))
        if node.op_type == "Transpose":
            order = tuple(attributes.get("perm", order[::-1]))
        axis = stored.axis % max(len(order), 1)
        self.stored[node.output[0]] = StoredIntegers(
            stored.integers.transpose(order),
            stored.scale,
            order.index(axis) if order else 0,
            stored.bits,
        )

    def _run(self, node: NodeProto, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]] | None:
        names = [name for name in node.input if name]
        graph = helper.make_graph(
            [node],
            "constant",
            [
                helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                for n, a in dict(zip(names, inputs, strict=True)).items()
            ],
            [onnx.ValueInfoProto(name=name) for name in node.output if name],
        )
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        try:
            values = ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))
        except Exception:
            # The evaluator raises anything at all on a node it cannot do; such a node stays, and
            # is reported as an operator that is not executed if an output depends on it.
            return None
        if not isinstance(values, list):
            return None
        if not all(isinstance(value, np.ndarray | np.generic) for value in values):
            return None
        given = iter(values)
        return [widened(np.asarray(next(given))) if name else np.empty(0) for name in node.output]


def stored_integers(inputs: Sequence[NDArray[Any]], axis: int) -> StoredIntegers:
    """Return the integers of a DequantizeLinear with inputs x, scale and perhaps zero point."""
    integers, scale = inputs[0].astype(np.int64), inputs[1].astype(np.float64).reshape(-1)
    width = int("".join(filter(str.isdigit, inputs[0].dtype.name)))
    if len(inputs) > 2 and np.any(inputs[2]):
        integers = integers - _along(inputs[2].astype(np.int64).reshape(-1), axis, integers.ndim)
    while integers.size and not -(1 << (width - 1)) <= integers.min() <= integers.max() < 1 << (
        width - 1
    ):
        width += 1
    return StoredIntegers(integers, scale, axis, width)


def _along(values: NDArray[Any], axis: int, rank: int) -> NDArray[Any]:
    """Return a vector shaped so that it broadcasts along one axis of an array."""
    if values.size == 1:
        return values.reshape(())
    shape = [1] * rank
    shape[axis] = values.size
    return values.reshape(shape)


def _shape_values(node: NodeProto, shape: Shape) -> list[NDArray[Any]]:
    if node.op_type == "Size":
        return [np.array(np.prod(shape, dtype=np.int64))]
    bounds = {a.name: int(a.i) for a in node.attribute}
    return [np.array(shape[bounds.get("start", 0) : bounds.get("end")], np.int64)]


def _needed(nodes: Sequence[NodeProto], outputs: Sequence[str]) -> list[NodeProto]:
    """Return the nodes that an output depends on."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _all_shapes(
    model: onnx.ModelProto,
    nodes: Sequence[NodeProto],
    constants: Mapping[str, NDArray[Any]],
    inputs: Mapping[str, Shape],
) -> dict[str, Shape]:
    """Return every activation shape that is known, as runtimes see it.

    Where ``ceil_mode`` would start a window beyond the map, runtimes and PyTorch leave it out; the
    rules of opsets before 22 count it. So such pooling is shown to ONNX with its padding written
    out, which needs the shape before it: one more round for each such node in a row.
    """
    shapes: dict[str, Shape] = {}
    while True:
        shown = [_without_ceil(node, shapes) for node in nodes]
        found = {**inputs, **_inferred_shapes(model, shown, constants, inputs)}
        if found == shapes or shown == list(nodes) == [_without_ceil(n, found) for n in nodes]:
            return found
        shapes = found


def _without_ceil(node: NodeProto, shapes: Mapping[str, Shape]) -> NodeProto:
    """Return a pooling node with its padding written out, if its input has a known shape."""
    if node.op_type not in ("MaxPool", "AveragePool") or node.domain not in STANDARD_DOMAINS:
        return node
    attributes = NodeAttributes(node, node.name)
    shape, kernel = shapes.get(node.input[0], ()), attributes.integers("kernel_shape", ())
    if not attributes.integer("ceil_mode", 0) or len(shape) != 4 or len(kernel) != 2:
        return node
    window = attributes.window((kernel[0], kernel[1]), (shape[2], shape[3]))
    explicit = NodeProto()
    explicit.CopyFrom(node)
    kept = [a for a in node.attribute if a.name not in ("ceil_mode", "auto_pad", "pads")]
    del explicit.attribute[:]
    explicit.attribute.extend([*kept, helper.make_attribute("pads", window.padding)])
    return explicit


def _inferred_shapes(
    model: onnx.ModelProto,
    nodes: Sequence[NodeProto],
    constants: Mapping[str, NDArray[Any]],
    inputs: Mapping[str, Shape],
) -> dict[str, Shape]:
    """Return every activation shape that ONNX can infer, from a copy without the weights."""
    read = {name for node in nodes for name in node.input if name}
    given: list[onnx.ValueInfoProto] = []
    values: list[TensorProto] = []
    types = {i.name: i.type.tensor_type.elem_type for i in model.graph.input}
    for name, shape in inputs.items():
        half = types[name] in (TensorProto.FLOAT16, TensorProto.BFLOAT16)
        kind = TensorProto.FLOAT if half else types[name]
        given.append(helper.make_tensor_value_info(name, kind, shape))
    for name in read.intersection(constants):
        array = constants[name]
        if array.size <= SHAPE_VALUES and array.dtype in (np.int64, np.int32):
            values.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        else:
            kind = helper.np_dtype_to_tensor_dtype(array.dtype)
            given.append(helper.make_tensor_value_info(name, kind, array.shape))
    # What the file itself says is believed only where ONNX has no rule: it may hold the symbols
    # of a batch that is 1 here.
    foreign = {o for n in nodes if n.domain not in STANDARD_DOMAINS for o in n.output}
    graph = helper.make_graph(
        list(nodes),
        "shapes",
        given,
        [onnx.ValueInfoProto(name=o.name) for o in model.graph.output],
        values,
        value_info=[
            _with_batch_one(v)
            for v in (*model.graph.value_info, *model.graph.output)
            if v.name in foreign
        ],
    )
    skeleton = helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=max(model.ir_version, 4)
    )
    try:
        inferred = onnx.shape_inference.infer_shapes(skeleton, data_prop=True).graph
    except onnx.shape_inference.InferenceError:
        # An operator that ONNX does not know, or wrong sizes; the missing shape is reported by
        # whoever needs it.
        return {}
    found = {v.name: _known_shape(v) for v in (*inferred.value_info, *inferred.output)}
    return {name: shape for name, shape in found.items() if shape is not None}


def _known_shape(value: onnx.ValueInfoProto) -> Shape | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape") or not all(d.HasField("dim_value") for d in kind.shape.dim):
        return None
    return tuple(d.dim_value for d in kind.shape.dim)


def _with_batch_one(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    dims = copy.type.tensor_type.shape.dim
    if dims and not dims[0].HasField("dim_value"):
        dims[0].dim_value = 1
    return copy

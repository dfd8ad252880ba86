"""From an ONNX file, or the name of a bundled network, to a ``Network``."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx

from ..errors import InputError
from .fuse import fuse
from .network import Network, Node, WeightLayer
from .onnx_file import OPSETS, dense_constant, opset_of, read_model, sparse_constant
from .onnx_fold import FoldedGraph, fold
from .onnx_layers import LAYER_OPERATORS, NotALayer, layer_name, unique, weight_layer
from .onnx_node import NodeView
from .onnx_ops import is_alias, operation
from .operations import Operation, Unsupported, Weighted
from .zoo import BUNDLED, bundled_path

__all__ = ["load_network"]


def load_network(name_or_path: str | Path, input_shape: tuple[int, ...] | None = None) -> Network:
    """Read a network.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a bundled network, or path of an ``.onnx`` file.
    input_shape : tuple of int or None
        Shape of the input, batch first, for a model with symbolic dimensions; a symbolic batch
        alone is taken as 1.

    Raises
    ------
    InputError
        If the file is not a model that can be read (see `read_model`), it has other than one
        input, a dimension is symbolic and not given, weights are not finite, or a layer's input
        has no known shape.
    """
    if str(name_or_path) in BUNDLED:
        path = bundled_path(str(name_or_path))
        if path is None:
            raise InputError(
                f"{name_or_path} has shapes and masks only, no graph that could be executed"
            )
    else:
        path = Path(name_or_path)
        if not path.exists():
            raise InputError(
                f"{name_or_path} is neither a file nor a bundled network ({', '.join(BUNDLED)})"
            )
    model = read_model(path)
    return _network(path, model, input_shape)


def _network(path: Path, model: onnx.ModelProto, input_shape: tuple[int, ...] | None) -> Network:
    graph = model.graph
    constants = {t.name: dense_constant(str(path), t) for t in graph.initializer}
    constants |= {t.values.name: sparse_constant(str(path), t) for t in graph.sparse_initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise InputError(
            f"{path}: a network must have one input, not {len(inputs)}"
            f" ({', '.join(value.name for value in inputs)})"
        )
    shape = _resolved_shape(path, inputs[0], input_shape)
    name = inputs[0].name
    folded = fold(model, {name: shape}, constants)
    _check_connected(path, folded, name, [value.name for value in graph.output])
    aliases, nodes, layers = _converted(folded, opset_of(model))
    shapes = {aliases.get(tensor, tensor): size for tensor, size in folded.shapes.items()}
    outputs = tuple(aliases.get(value.name, value.name) for value in graph.output)
    network = Network(
        path.stem, name, shape, outputs, tuple(nodes), shapes, tuple(layers), tuple(_notes(model))
    )
    return fuse(network)


def _resolved_shape(
    path: Path, value: onnx.ValueInfoProto, given: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the input's shape: what the file fixes, a batch of 1, and what the user gives."""
    if not value.type.HasField("tensor_type"):
        raise InputError(f"{path}: input {value.name!r} is not a tensor")
    dims = value.type.tensor_type.shape.dim
    found: list[int | str] = [
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else d.dim_param or "?"
        for d in dims
    ]
    known = value.type.tensor_type.HasField("shape")
    text = " x ".join(map(str, found)) or "nothing"
    if given is not None:
        if min(given, default=0) < 1:
            raise InputError(f"{path}: an input shape must hold positive sizes, not {given}")
        fits = len(given) == len(found) and all(
            isinstance(size, str) or size == wanted
            for size, wanted in zip(found, given, strict=False)
        )
        if known and not fits:
            raise InputError(
                f"{path}: input {value.name!r} is {text}; the given shape"
                f" {' x '.join(map(str, given))} does not fit"
            )
        return given
    if found and isinstance(found[0], str):
        found[0] = 1
    if not known or any(isinstance(size, str) for size in found):
        example = ",".join(size if isinstance(size, str) else str(size) for size in found)
        raise InputError(
            f"{path}: input {value.name!r} has symbolic dimensions ({text}); give its shape,"
            f" --input-shape {example or '1,3,224,224'} with numbers"
        )
    return tuple(int(size) for size in found)


def _check_connected(
    path: Path, graph: FoldedGraph, input_name: str, outputs: Sequence[str]
) -> None:
    """Refuse a graph that reads what nothing writes, or whose output is a constant."""
    written = {input_name, *graph.constants}
    for node in graph.nodes:
        for name in node.input:
            if name and name not in written:
                raise InputError(
                    f"{path}: node {node.name or node.op_type!r} reads {name!r}, which nothing"
                    " writes: is the file truncated?"
                )
        written.update(node.output)
    for name in outputs or ["?"]:
        if name not in written or name in graph.constants:
            raise InputError(
                f"{path}: output {name!r} does not depend on the input {input_name!r}: is the"
                " model complete?"
            )


def _converted(
    graph: FoldedGraph, opset: int
) -> tuple[dict[str, str], list[Node], list[WeightLayer]]:
    """Return aliases of tensors, nodes and layers."""
    aliases: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    layers: dict[str, WeightLayer] = {}
    for index, proto in enumerate(graph.nodes):
        name = unique(proto.name or f"{proto.op_type.lower()}_{index}", nodes)
        view = NodeView(proto, name, graph, opset)
        inputs = tuple(aliases.get(tensor, tensor) for tensor in view.activations)
        if is_alias(view) and inputs:
            aliases[proto.output[0]] = inputs[0]
            continue
        made: Operation
        if proto.op_type in LAYER_OPERATORS and proto.domain in ("", "ai.onnx"):
            try:
                layer = weight_layer(view, unique(layer_name(view), layers))
            except NotALayer as reason:
                made = Unsupported(str(reason))
            else:
                layers[layer.name] = layer
                made = Weighted(layer.name)
        else:
            made = operation(view)
        outputs = tuple(tensor for tensor in proto.output if tensor)
        nodes[name] = Node(name, proto.op_type, inputs, outputs, made)
    return aliases, list(nodes.values()), list(layers.values())


def _notes(model: onnx.ModelProto) -> Iterator[str]:
    version = opset_of(model)
    if version > OPSETS[1]:
        yield (
            f"opset {version} is newer than the import is tested with ({OPSETS[0]} to {OPSETS[1]})"
        )
    if len(model.graph.output) > 1:
        yield f"{len(model.graph.output)} outputs; the scores are the first"

"""Reading an ONNX file, with its external data, so that everything wrong with it is one line.

External data (weights in files beside the model) is read only from the model's own folder: a
path that leaves it is refused, since a model file must not be able to name any file of the user.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, external_data_helper, inliner, numpy_helper

from ..errors import InputError

__all__ = ["OPSETS", "dense_constant", "opset_of", "read_model", "sparse_constant"]

OPSETS = (9, 22)
"""Oldest and newest operator set that the import is written for."""


def read_model(path: Path) -> onnx.ModelProto:
    """Read a model, external data included, its local functions inlined.

    Raises
    ------
    InputError
        If the file cannot be read, is no ONNX model or a truncated one, is of an operator set
        older than 9, or its external data is missing, too short or outside the model's folder.
    """
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except DecodeError as error:
        raise InputError(f"{path}: not an ONNX model, or a truncated one") from error
    if not model.graph.node:
        raise InputError(f"{path}: not an ONNX model, or a truncated one: it has no nodes")
    _check_names(path, model)
    version = opset_of(model)
    if version < OPSETS[0]:
        raise InputError(
            f"{path}: opset must be {OPSETS[0]} or newer, not {version}; convert it with"
            " onnx.version_converter"
        )
    folder = path.parent.resolve()
    for tensor in _tensors(model):
        if external_data_helper.uses_external_data(tensor):
            _load_external(path, folder, tensor)
    return inliner.inline_local_functions(model) if model.functions else model


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the standard operator set that a model uses, 0 if it names none."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)


def dense_constant(where: str, tensor: TensorProto) -> NDArray[Any]:
    """Return a tensor as an array; half and bfloat16 become float32.

    Raises
    ------
    InputError
        If the tensor holds fewer values than its shape says, or a type without an array.
    """
    try:
        return widened(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, AssertionError) as error:
        raise InputError(
            f"{where}: tensor {tensor.name!r} cannot be read (truncated file?): {error}"
        ) from error


def sparse_constant(where: str, sparse: onnx.SparseTensorProto) -> NDArray[Any]:
    """Return a sparse initializer as a dense array, see `dense_constant`."""
    values = dense_constant(where, sparse.values)
    places = dense_constant(where, sparse.indices)
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    try:
        if places.ndim == 2:
            dense[tuple(places.T)] = values
        else:
            dense.reshape(-1)[places] = values
    except (IndexError, ValueError) as error:
        raise InputError(f"{where}: sparse tensor {sparse.values.name!r}: {error}") from error
    return dense


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Return half precision and bfloat16 as float32, anything else as it is."""
    if array.dtype == np.float16 or array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    return array


def _check_names(path: Path, model: onnx.ModelProto) -> None:
    """Refuse names that are not text: a damaged file has them, and they fail far from here."""
    names: list[object] = [tensor.name for tensor in model.graph.initializer]
    names += [value.name for value in (*model.graph.input, *model.graph.output)]
    names += [d.dim_param for v in model.graph.input for d in v.type.tensor_type.shape.dim]
    for node in model.graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: a damaged ONNX model: it holds names that are not UTF-8 text")


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    graphs: list[onnx.GraphProto] = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes.extend(graph.node)
        for node in nodes:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                graphs.extend(attribute.graphs)
                if attribute.HasField("g"):
                    graphs.append(attribute.g)
        nodes = []


def _load_external(path: Path, folder: Path, tensor: TensorProto) -> None:
    where = f"{path}: external data of {tensor.name!r}"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = (folder / location).resolve()
    if not location or Path(location).is_absolute() or not file.is_relative_to(folder):
        raise InputError(
            f"{where} must lie in the model's folder, not in {location!r}; move the file there"
            " and save the model again"
        )
    if not file.is_file():
        raise InputError(f"{where} is missing: put the file {location!r} beside the model")
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", file.stat().st_size - offset))
    except ValueError as error:
        raise InputError(f"{where} has no readable offset and length: {error}") from error
    if offset < 0 or length < 0 or offset + length > file.stat().st_size:
        raise InputError(
            f"{where} must hold bytes {offset} to {offset + length}, but {location!r} has"
            f" {file.stat().st_size}: is it truncated?"
        )
    try:
        with file.open("rb") as data:
            data.seek(offset)
            tensor.raw_data = data.read(length)
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror or error}") from error
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]

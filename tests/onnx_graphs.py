"""Small ONNX graphs for the tests of the import, and ONNX Runtime to compare with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from bosquet.models.network import Network
from bosquet.models.onnx_io import load_network

Array = NDArray[Any]

# The newest IR version that goes with opset 17 and that every ONNX Runtime here reads.
IR_VERSION = 8


def model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, ArrayLike],
    shape: Sequence[int | str],
    *,
    opset: int = 17,
    output: str = "y",
) -> onnx.ModelProto:
    """Return a model that reads `x` and writes `output`."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    version = [helper.make_opsetid("", opset)]
    ir_version = IR_VERSION if opset <= 17 else 10
    return helper.make_model(graph, opset_imports=version, ir_version=ir_version)


def loaded(proto: onnx.ModelProto, folder: Path) -> Network:
    """Return the network that the import reads from a saved model."""
    path = folder / "test.onnx"
    onnx.save(proto, path)
    return load_network(path)


def runtime_scores(proto: onnx.ModelProto, images: Array) -> Array:
    """Return what ONNX Runtime computes, without its graph optimizations.

    These would fuse Q/DQ into kernels whose 8-bit sums saturate on some x86 machines.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])


def drawn(seed: int, *shape: int) -> NDArray[np.float32]:
    """Return normal random numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)

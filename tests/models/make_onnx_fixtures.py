"""Write the fixtures of test_onnx_io: what PyTorch's two exporters make of pruned networks.

Run, with the train extra installed (PyTorch 2.13, onnxscript) and onnxruntime, about a minute::

    python tests/models/make_onnx_fixtures.py

It writes ``fixtures/<case>.onnx`` (and the side file of the ``external`` case) with, beside each,
``<case>.npz``: ``input`` (n, 3, 12, 12), ``output`` (n, 5) as PyTorch computes it, and one
``mask.<layer>`` per layer, the mask that PyTorch holds. Each graph is first run in ONNX Runtime
and refused if it disagrees with PyTorch.
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune

FIXTURES = Path(__file__).with_name("fixtures")
SEED = 20
SIZE_LIMIT = 200_000  # bytes


class Grove(nn.Module):
    """Small, yet with everything an import meets: BN, groups, depthwise, add, concat, pooling."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 12, 1)
        self.head = nn.Linear(20, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the scores (n, 5) of images (n, 3, 12, 12)."""
        stem = functional.max_pool2d(functional.relu(self.bn(self.stem(image))), 2)
        residual = functional.relu(self.grouped(stem) + stem)
        narrow = self.depthwise(residual)
        joined = torch.cat([narrow, functional.relu(self.pointwise(narrow))], dim=1)
        return self.head(torch.flatten(self.pool(joined), 1))


DENSITY = {"stem": 0.6, "grouped": 0.3, "depthwise": 0.5, "pointwise": 0.4, "head": 0.35}


def grove(pool: nn.Module) -> Grove:
    """Return the seeded network, pruned, its masks attached as ``torch.nn.utils.prune`` does."""
    torch.manual_seed(SEED)
    net = Grove(pool)
    with torch.no_grad():
        # Statistics as after training, so that a wrong folding of BN shows.
        net.bn.running_mean.normal_(0, 0.5)
        net.bn.running_var.uniform_(0.5, 2)
        net.bn.weight.uniform_(0.5, 1.5)
        net.bn.bias.normal_(0, 0.3)
    for name, density in DENSITY.items():
        prune.l1_unstructured(net.get_submodule(name), "weight", amount=1 - density)
    net.eval()
    return net


def masks(net: Grove) -> dict[str, np.ndarray]:
    """Return the masks that PyTorch holds."""
    return {name: net.get_submodule(name).weight_mask.bool().numpy() for name in DENSITY}


def detach(net: Grove) -> Grove:
    """Make the pruning permanent."""
    for name in DENSITY:
        prune.remove(net.get_submodule(name), "weight")
    return net


def half(net: Grove) -> Grove:
    """Make the pruning permanent and the parameters fp16."""
    detach(net).half()
    return net


@dataclass(frozen=True)
class Case:
    """One export: how the network is prepared, and the exporter's options."""

    name: str
    options: dict[str, Any]
    prepare: Callable[[Grove], Grove] = detach
    images: int = 1
    tolerance: float = 1e-5
    dtype: torch.dtype = torch.float32
    pool: nn.Module = field(default_factory=lambda: nn.AdaptiveAvgPool2d(1))


DYNAMO: dict[str, Any] = {"dynamo": True, "external_data": False, "verbose": False}
LEGACY: dict[str, Any] = {"dynamo": False}
HALF: dict[str, Any] = {"prepare": half, "tolerance": 5e-3, "dtype": torch.float16}

CASES = [
    # Global pooling becomes a ReduceMean that PyTorch fails to convert down to opset 17.
    Case("dynamo_opset17", DYNAMO | {"opset_version": 17}, pool=nn.AvgPool2d(3)),
    Case("dynamo_opset18", DYNAMO | {"opset_version": 18}),
    Case("dynamo_opset20", DYNAMO | {"opset_version": 20}),
    Case("legacy_opset17", LEGACY | {"opset_version": 17}),
    Case("legacy_opset20", LEGACY | {"opset_version": 20}),
    Case(
        "dynamo_dynamic_batch",
        DYNAMO | {"opset_version": 20, "dynamic_shapes": ({0: torch.export.Dim("batch")},)},
        images=2,
    ),
    Case(
        "legacy_dynamic_batch",
        LEGACY | {"opset_version": 17, "dynamic_axes": {"image": {0: "batch"}}},
        images=2,
    ),
    Case("dynamo_external", DYNAMO | {"opset_version": 20, "external_data": True}),
    Case("dynamo_fp16", DYNAMO | {"opset_version": 20}, **HALF),
    Case("legacy_fp16", LEGACY | {"opset_version": 17}, **HALF),
    # Not optimized: the graph multiplies each weight by its mask.
    Case(
        "dynamo_prune_attached",
        DYNAMO | {"opset_version": 20, "optimize": False},
        prepare=lambda net: net,
    ),
    Case(
        "legacy_prune_attached",
        LEGACY | {"opset_version": 17, "do_constant_folding": False},
        prepare=lambda net: net,
    ),
]


def anonymize(path: Path) -> None:
    """Take out the source lines that the default exporter notes, with this machine's folders."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        noted = [entry for entry in node.metadata_props if not entry.key.endswith("stack_trace")]
        del node.metadata_props[:]
        node.metadata_props.extend(noted)
    onnx.save(model, path)


def write(case: Case) -> None:
    """Export one case, check it in ONNX Runtime and store what PyTorch says."""
    net = grove(case.pool)
    held = masks(net)
    net = case.prepare(net)
    for name, mask in held.items():
        if not np.array_equal(net.get_submodule(name).weight.detach().numpy() != 0, mask):
            sys.exit(f"{case.name}: the mask of {name} is not the zeros of its weight")
    image = torch.rand(case.images, 3, 12, 12).to(case.dtype)
    with torch.no_grad():
        expected = net(image).numpy()
    path = FIXTURES / f"{case.name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the legacy exporter is deprecated: that is the point
        torch.onnx.export(
            net, (image,), path, input_names=["image"], output_names=["scores"], **case.options
        )
    anonymize(path)
    onnx.checker.check_model(path, full_check=True)
    opset = onnx.load(path, load_external_data=False).opset_import[0].version
    if opset != case.options["opset_version"]:
        sys.exit(f"{case.name}: PyTorch wrote opset {opset}")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": image.numpy()})
    error = float(np.abs(np.asarray(found, dtype=np.float64) - expected).max())
    if error > case.tolerance:
        sys.exit(f"{case.name}: ONNX Runtime differs from PyTorch by {error}")
    arrays: dict[str, Any] = {"input": image.numpy(), "output": expected}
    arrays |= {f"mask.{name}": mask for name, mask in held.items()}
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
    for file in FIXTURES.glob(f"{case.name}.*"):
        if file.stat().st_size > SIZE_LIMIT:
            sys.exit(f"{file.name}: {file.stat().st_size} bytes, at most {SIZE_LIMIT} are allowed")
    print(f"{case.name:24}{path.stat().st_size:8} bytes  largest difference {error:.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    FIXTURES.mkdir(exist_ok=True)
    for selected in CASES:
        write(selected)

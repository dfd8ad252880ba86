"""Train, prune and quantize the bundled LeNet-5 on the UCI digits.

Run, with the train extra installed (PyTorch, scikit-learn) and onnxruntime, about one minute::

    python -m bosquet.models.zoo.train_lenet5 [--out FOLDER] [--seed N]

It writes ``lenet5.onnx`` (int8 Q/DQ), ``lenet5.json`` (recipe, seed, split, tool versions, measured
accuracies) and ``digits_heldout.npz`` into this folder, or FOLDER. On one machine the same seed
writes the same bytes.

Recipe: dense training; ADMM pruning to a fixed number of weights per layer, by magnitude over the
whole layer, so that filters end up unevenly dense; masked retraining; post-training quantization
with activation ranges from the training images. The held-out images only measure.

Source: T. Zhang et al., "A Systematic DNN Weight Pruning Framework using Alternating Direction
Method of Multipliers", ECCV 2018, for the pruning.
"""

import argparse
import hashlib
import json
import platform
import sys
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from ...errors import BosquetError
from .digits import HELDOUT_FRACTION, HELDOUT_PATH, SPLIT_SEED, DigitsSplit, enlarge, split_digits
from .lenet5 import OPSET, WEIGHT_SHAPES, FloatLayer, qdq_lenet5, quantize_weight

BATCH = 64
LEARNING_RATE = 1e-3
MAX_SHIFT = 2  # pixels; the border is as wide, so no stroke leaves the image

DENSE_EPOCHS = 60
ADMM_EPOCHS = 20  # for each value of rho
ADMM_RHOS = (1.5e-3, 5e-3, 1.5e-2)
ADMM_UPDATE_EPOCHS = 2
RETRAIN_EPOCHS = 60

LAYER_RHO = {"conv1": 6.0, "conv2": 1.0, "fc1": 2.0, "fc2": 2.0}
"""Factor on rho: with one rho for all, the large weights of conv1 do not converge."""

KEPT = {"conv1": 300, "conv2": 2500, "fc1": 16000, "fc2": 1250}
"""Weights kept in each layer: 1.67x, 10x, 25x and 4x."""

DATASET = {
    "name": "UCI digits",
    "title": "Optical Recognition of Handwritten Digits",
    "authors": "E. Alpaydin, C. Kaynak",
    "publisher": "UCI Machine Learning Repository, 1998",
    "source": "https://doi.org/10.24432/C50P49",
    "licence": "CC BY 4.0",
    "obtained_as": "sklearn.datasets.load_digits (1,797 images)",
    "changes": "8x8 enlarged 3 times, padded by 2 to 28x28, scaled to 0..1",
}

Tensors = dict[str, torch.Tensor]
"""One tensor for each layer name: weights or masks."""


class Trainer:
    """LeNet-5 in training on the digits, with its masks once it is pruned."""

    def __init__(self, split: DigitsSplit, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        self.net = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(1, 20, 5),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(20, 50, 5),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(800, 500),
                relu1=nn.ReLU(),
                fc2=nn.Linear(500, 10),
            )
        )
        self.weights = {name: self.net.get_submodule(name).weight for name in WEIGHT_SHAPES}
        self.mask: Tensors = {}
        self.images = torch.from_numpy(enlarge(split.train_images))
        self.labels = torch.from_numpy(split.train_labels)

    def train(self, epochs: int, admm: "Admm | None" = None) -> None:
        """Train with Adam, with a cosine schedule unless ADMM pulls at the weights."""
        optimizer = torch.optim.Adam(self.net.parameters(), LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        for epoch in range(epochs):
            for batch in torch.randperm(len(self.images), generator=self.random).split(BATCH):
                images = shifted(self.images[batch], self.random)
                loss = functional.cross_entropy(self.net(images), self.labels[batch])
                if admm is not None:
                    loss = loss + admm.penalty()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.apply_mask()
            if admm is None:
                schedule.step()
            elif (epoch + 1) % ADMM_UPDATE_EPOCHS == 0:
                admm.update()

    def prune(self) -> dict[str, float]:
        """Prune to KEPT with ADMM; return the residual of each layer, the convergence gauge."""
        admm = Admm(self.weights)
        for rho in ADMM_RHOS:
            admm.set_rho(rho)
            self.train(ADMM_EPOCHS, admm)
        self.mask = {name: largest(weight, KEPT[name]) for name, weight in self.weights.items()}
        self.apply_mask()
        return admm.residual()

    def drop_unrepresentable(self) -> int:
        """Prune what int8 would round to zero, so that retraining makes up for it."""
        dropped = 0
        for name, weight in self.weights.items():
            codes, _ = quantize_weight(weight.detach().numpy())
            kept = torch.from_numpy(codes != 0)
            dropped += int((self.mask[name] & ~kept).sum())
            self.mask[name] &= kept
        self.apply_mask()
        return dropped

    def apply_mask(self) -> None:
        """Set the pruned weights to zero."""
        with torch.no_grad():
            for name, mask in self.mask.items():
                self.weights[name].mul_(mask)

    def layers(self) -> dict[str, FloatLayer]:
        """Return the parameters as numpy arrays."""
        return {
            name: FloatLayer(
                weight.detach().numpy().copy(),
                self.net.get_submodule(name).bias.detach().numpy().copy(),
            )
            for name, weight in self.weights.items()
        }

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the activation ranges over the training images, as ``qdq_lenet5`` wants them."""
        taps = {"pool1": "conv1", "pool2": "conv2", "relu1": "fc1", "fc2": "fc2"}
        tensor, found = self.images, {"image": (0.0, 1.0)}
        with torch.no_grad():
            for name, module in self.net.named_children():
                tensor = module(tensor)
                if name in taps:
                    found[taps[name]] = (float(tensor.min()), float(tensor.max()))
        return found

    def correct(self, images: NDArray[np.float32], labels: NDArray[np.int64]) -> int:
        """Count the images put into the right class."""
        with torch.no_grad():
            classes = self.net(torch.from_numpy(images)).argmax(dim=1).numpy()
        return int((classes == labels).sum())


class Admm:
    """Sparse copies Z of the weights and the scaled duals U that pull the weights towards them."""

    def __init__(self, weights: Tensors) -> None:
        self._weights = weights
        self._rho = 0.0
        self._sparse = {
            name: weight.detach() * largest(weight, KEPT[name]) for name, weight in weights.items()
        }
        self._dual = {name: torch.zeros_like(weight) for name, weight in weights.items()}

    def set_rho(self, rho: float) -> None:
        """Raise rho; the scaled duals shrink by as much."""
        for dual in self._dual.values():
            dual *= self._rho / rho
        self._rho = rho

    def penalty(self) -> torch.Tensor:
        """Return the augmented term of the loss, sum of rho / 2 * ||W - Z + U||^2."""
        terms = [
            0.5 * self._rho * LAYER_RHO[name] * (w - self._sparse[name] + self._dual[name]).square()
            for name, w in self._weights.items()
        ]
        return torch.stack([term.sum() for term in terms]).sum()

    def update(self) -> None:
        """Project W + U onto the sparse set, then add what is left to the duals."""
        for name, weight in self._weights.items():
            target = weight.detach() + self._dual[name]
            self._sparse[name] = target * largest(target, KEPT[name])
            self._dual[name] = target - self._sparse[name]

    def residual(self) -> dict[str, float]:
        """Return ||W - Z|| / ||Z|| of each layer."""
        return {
            name: float((weight.detach() - self._sparse[name]).norm() / self._sparse[name].norm())
            for name, weight in self._weights.items()
        }


def largest(weight: torch.Tensor, kept: int) -> torch.Tensor:
    """Return the mask of exactly `kept` largest magnitudes."""
    mask = torch.zeros(weight.numel(), dtype=torch.bool)
    mask[weight.detach().abs().flatten().topk(kept).indices] = True
    return mask.view_as(weight)


def shifted(images: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Shift each image by up to MAX_SHIFT pixels each way."""
    rows, columns = torch.randint(2 * MAX_SHIFT + 1, (2, len(images), 1), generator=random)
    row = (torch.arange(28) + rows)[:, :, None]
    column = (torch.arange(28) + columns)[:, None, :]
    padded = functional.pad(images[:, 0], [MAX_SHIFT] * 4)
    return padded[torch.arange(len(images))[:, None, None], row, column][:, None]


def runtime_correct(
    model: onnx.ModelProto, images: NDArray[np.float32], labels: NDArray[np.int64]
) -> int:
    """Count the images that ONNX Runtime puts into the right class."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (scores,) = session.run(["scores"], {"image": images})
    return int((np.asarray(scores).argmax(axis=1) == labels).sum())


def describe_layers(layers: dict[str, FloatLayer]) -> list[dict[str, Any]]:
    """Describe what pruning and quantization left of each layer."""
    described = []
    for name, layer in layers.items():
        codes, _ = quantize_weight(layer.weight)
        kept = np.count_nonzero(codes)
        densities = np.count_nonzero(codes.reshape(len(codes), -1), axis=1) / codes[0].size
        described.append(
            {
                "name": name,
                "weights": codes.size,
                "kept": int(kept),
                "ratio": round(codes.size / kept, 3),
                "rounded_to_zero": int(np.count_nonzero(layer.weight) - kept),
                "filter_density": {
                    "min": round(float(densities.min()), 4),
                    "median": round(float(np.median(densities)), 4),
                    "max": round(float(densities.max()), 4),
                    "coefficient_of_variation": round(float(densities.std() / densities.mean()), 3),
                },
                "empty_filters": int(np.count_nonzero(densities == 0)),
            }
        )
    return described


def recipe(residual: dict[str, float], dropped: int) -> dict[str, Any]:
    """Describe how the network was trained, and how well ADMM converged."""
    return {
        "script": "python -m bosquet.models.zoo.train_lenet5",
        "optimizer": "Adam",
        "learning_rate": LEARNING_RATE,
        "schedule": "cosine to 0; constant during ADMM",
        "batch": BATCH,
        "augmentation": f"shifts of up to {MAX_SHIFT} pixels",
        "dense_epochs": DENSE_EPOCHS,
        "pruning": "ADMM, largest magnitudes of each layer, then masked retraining",
        "admm_epochs": ADMM_EPOCHS * len(ADMM_RHOS),
        "admm_rho": list(ADMM_RHOS),
        "admm_rho_factor": LAYER_RHO,
        "admm_update_epochs": ADMM_UPDATE_EPOCHS,
        "admm_residual": {name: round(value, 4) for name, value in residual.items()},
        "kept_by_admm": KEPT,
        "retrain_epochs": RETRAIN_EPOCHS,
        "dropped_half_way": dropped,
        "dropped_because": "int8 would round them to zero",
    }


def quality(correct: dict[str, int], images: int, seed: int) -> list[dict[str, Any]]:
    """Describe the measured accuracies."""
    return [
        {
            "network": stage,
            "quality_kind": "measured",
            "accuracy": round(count / images, 5),
            "correct": count,
            "images": images,
            "dataset": DATASET["name"],
            "split": "heldout",
            "seeds": [seed],
            "runtime": "onnxruntime" if stage == "quantized" else "torch",
        }
        for stage, count in correct.items()
    ]


def main() -> None:
    """Train and write the three files."""
    parser = argparse.ArgumentParser(description="Train the bundled LeNet-5.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of training")
    options = parser.parse_args()
    # More threads lose time on so small a net, and would change the order of sums.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    split = split_digits()
    images, labels = enlarge(split.heldout_images), split.heldout_labels
    trainer = Trainer(split, options.seed)
    trainer.train(DENSE_EPOCHS)
    correct = {"float": trainer.correct(images, labels)}
    residual = trainer.prune()
    trainer.train(RETRAIN_EPOCHS // 2)
    dropped = trainer.drop_unrepresentable()
    trainer.train(RETRAIN_EPOCHS // 2)
    correct["pruned"] = trainer.correct(images, labels)
    layers = trainer.layers()
    model = qdq_lenet5(layers, trainer.ranges())
    correct["quantized"] = runtime_correct(model, images, labels)

    graph = model.SerializeToString(deterministic=True)
    described = describe_layers(layers)
    total, kept = (sum(layer[key] for layer in described) for key in ("weights", "kept"))
    card = {
        "schema": "bosquet.zoo/1",
        "network": "lenet5",
        "file": {
            "name": "lenet5.onnx",
            "bytes": len(graph),
            "opset": OPSET,
            "sha256": hashlib.sha256(graph).hexdigest(),
        },
        "weights": total,
        "kept": kept,
        "ratio": round(total / kept, 2),
        "layers": described,
        "quantization": {
            "weight_bits": 8,
            "weights": "symmetric, per output channel",
            "act_bits": 8,
            "activations": "int8 with a zero point, per tensor",
            "calibration": "smallest and largest value over the training images",
            "images": len(split.train_images),
        },
        "quality": quality(correct, len(labels), options.seed),
        "seed": options.seed,
        "recipe": recipe(residual, dropped),
        "dataset": DATASET,
        "split": {
            "seed": SPLIT_SEED,
            "heldout_fraction_of_each_class": HELDOUT_FRACTION,
            "train": len(split.train_images),
            "heldout": len(labels),
            "validation": 0,
            "heldout_images": HELDOUT_PATH.name,
        },
        "tools": {
            "python": platform.python_version(),
            **{
                tool: version(tool)
                for tool in ("numpy", "onnx", "onnxruntime", "scikit-learn", "torch")
            },
        },
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "lenet5.onnx").write_bytes(graph)
    text = json.dumps(card, indent=2, allow_nan=False) + "\n"
    (options.out / "lenet5.json").write_text(text, encoding="utf-8")
    np.savez_compressed(
        options.out / HELDOUT_PATH.name,
        images=split.heldout_images,
        labels=labels.astype(np.uint8),
        indices=split.heldout_indices.astype(np.uint16),
    )
    for stage, count in correct.items():
        print(f"{stage:10}{count} of {len(labels)} held-out digits right")
    print(f"{'pruned to':10}{kept} of {total} weights, {total / kept:.2f}x")
    print(f"{'wrote':10}{options.out / 'lenet5.onnx'}, {len(graph)} bytes")


if __name__ == "__main__":
    try:
        main()
    except BosquetError as error:
        sys.exit(f"error: {error}")

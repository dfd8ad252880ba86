"""The accuracy of the bundled LeNet-5, measured again with the integer reference."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.integer import run
from ..models.quantized import QuantizedNetwork
from ..models.zoo import bundled_path
from ..models.zoo.digits import heldout_digits

__all__ = ["Accuracy", "measured_accuracy", "zoo_card"]


@dataclass(frozen=True)
class Accuracy:
    """How many held-out digits a network reads right.

    Attributes
    ----------
    correct, images : int
        Digits read right, and all.
    """

    correct: int
    images: int

    @property
    def share(self) -> float:
        """Share that is right, 0 to 1."""
        return self.correct / self.images

    def to_json(self) -> dict[str, Any]:
        """Return it as the ``quality`` of a document."""
        card = zoo_card("lenet5")
        return {
            "kind": "measured",
            "accuracy": self.share,
            "correct": self.correct,
            "images": self.images,
            "dataset": card["dataset"]["name"],
            "split": "held out from training",
            "seeds": [card["seed"]],
            "runtime": "integer reference",
        }


def measured_accuracy(network: QuantizedNetwork) -> Accuracy:
    """Run the bundled held-out digits through the integer reference."""
    images, labels = heldout_digits()
    found = run(network, images).scores.reshape(len(labels), -1).argmax(axis=1)
    return Accuracy(int(np.count_nonzero(found == labels)), len(labels))


def zoo_card(name: str) -> dict[str, Any]:
    """Return what stands beside a bundled ONNX file: recipe, seed, split, recorded accuracy."""
    path = bundled_path(name)
    assert path is not None
    card: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return card

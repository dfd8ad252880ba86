"""The bundled networks, by name."""

from pathlib import Path

from ...errors import InputError

__all__ = ["BUNDLED", "bundled_path"]

BUNDLED = {
    "alexnet": "AlexNet, 227x227, shapes and pruning ratios of ADMM-NN; masks, weights synthetic",
    "lenet5": "LeNet-5, 28x28, trained on the UCI digits, pruned and quantized to int8",
}
"""What each bundled network is, in one line."""


def bundled_path(name: str) -> Path | None:
    """Return the ONNX file of a bundled network, or None if it has shapes only (``alexnet``).

    Raises
    ------
    InputError
        If no bundled network has that name.
    """
    if name not in BUNDLED:
        raise InputError(
            f"there is no bundled network {name!r}; there are {', '.join(sorted(BUNDLED))}"
        )
    return None if name == "alexnet" else Path(__file__).with_name(f"{name}.onnx")

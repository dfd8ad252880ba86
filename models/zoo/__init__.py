"""The bundled networks, by name."""

from pathlib import Path

from ...errors import InputError
from . import alexnet, mobilenet_v1, resnet, vgg16
from .bundled import BundledNetwork

__all__ = ["BUNDLED", "BundledNetwork", "bundled_path", "shapes_only"]

BUNDLED = {
    network.name: network
    for network in (
        BundledNetwork(
            "alexnet",
            "AlexNet, 227x227, shapes and pruning ratios of ADMM-NN; masks, weights synthetic",
            layers=alexnet.LAYERS,
            ratios=alexnet.RATIOS,
            ratios_from="ADMM-NN, Table 8",
        ),
        BundledNetwork(
            "lenet5",
            "LeNet-5, 28x28, trained on the UCI digits, pruned and quantized to int8",
            path=Path(__file__).with_name("lenet5.onnx"),
        ),
        BundledNetwork(
            "mobilenet_v1",
            "MobileNet V1, 224x224, width 1; shapes",
            layers=mobilenet_v1.LAYERS,
        ),
        BundledNetwork("resnet18", "ResNet-18, 224x224; shapes", layers=resnet.RESNET18),
        BundledNetwork(
            "resnet50",
            "ResNet-50 v1.5 (stride in the 3x3 convolutions), 224x224; shapes",
            layers=resnet.RESNET50,
        ),
        BundledNetwork("vgg16", "VGG-16, 224x224; shapes", layers=vgg16.LAYERS),
    )
}
"""Every bundled network, in the order of their names."""


def bundled_path(name: str) -> Path | None:
    """Return the ONNX file of a bundled network, or None if it has shapes only.

    Raises
    ------
    InputError
        If no bundled network has that name.
    """
    if name not in BUNDLED:
        raise InputError(f"there is no bundled network {name!r}; there are {', '.join(BUNDLED)}")
    return BUNDLED[name].path


def shapes_only(name: str) -> BundledNetwork | None:
    """Return the bundled network of that name if it has shapes only, None for any other name."""
    network = BUNDLED.get(name)
    return None if network is None or network.path is not None else network

"""The shape tables of the ImageNet networks: the published sizes, and maps that fit each other."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import onnx
import pytest

from bosquet.models.layer import LayerShape
from bosquet.models.onnx_io import load_network
from bosquet.models.zoo import BUNDLED, mobilenet_v1, resnet, vgg16

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

# Multiply-accumulates at 224x224 in millions, and all parameters, as published:
# ResNet-18, ResNet-50, VGG-16: torchvision's tables of pretrained weights, "GFLOPS" (1.814, 4.089,
# 15.47 multiply-accumulates) and "num_params"; MobileNet: table 4 of the paper, and the trainable
# parameters of keras.applications.MobileNet (the paper prints 4.2 million).
PUBLISHED = {
    "resnet18": (1_814, 11_689_512),
    "resnet50": (4_089, 25_557_032),
    "vgg16": (15_470, 138_357_544),
    "mobilenet_v1": (569, 4_231_976),
}
# Exact, by the tables here: weights of convolutions and FC layers, without biases.
WEIGHTS = {
    "resnet18": 11_678_912,
    "resnet50": 25_502_912,
    "vgg16": 138_344_128,
    "mobilenet_v1": 4_209_088,
}
MACS = {
    "resnet18": 1_814_073_344,
    "resnet50": 4_089_184_256,
    "vgg16": 15_470_264_320,
    "mobilenet_v1": 568_740_352,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_the_published_ones(name: str) -> None:
    layers = BUNDLED[name].layers
    macs, parameters = PUBLISHED[name]
    assert sum(shape.weights for shape in layers) == WEIGHTS[name]
    assert sum(shape.macs for shape in layers) == MACS[name]
    assert round(MACS[name] / 1e6) == macs
    # VGG-16 has a bias for each output; the others have one in the FC layer only, and two
    # parameters of batch normalization for each channel of a convolution.
    own = sum(
        shape.out_channels * (1 if name == "vgg16" or shape.kind == "fc" else 2) for shape in layers
    )
    assert WEIGHTS[name] + own == parameters


def test_resnet50_is_that_of_onnx() -> None:
    """The graph that comes with onnx, which others wrote, has the same layers in another order."""
    assert Counter(map(geometry, resnet.RESNET50)) == Counter(
        geometry(layer.shape) for layer in load_network(LIGHT / "light_resnet50.onnx").layers
    )


def geometry(shape: LayerShape) -> tuple[object, ...]:
    """Return all of a shape but its name."""
    return (shape.kind, shape.weight_shape, shape.stride, shape.padding, shape.groups,
            shape.height, shape.width)  # fmt: skip


def test_vgg16_has_the_stages_of_vgg19() -> None:
    """Column E of the paper's Table 1 is column D with a fourth convolution in stages 3, 4, 5."""
    nineteen = load_network(LIGHT / "light_vgg19.onnx").layers
    more = Counter(geometry(layer.shape) for layer in nineteen)
    more.subtract(map(geometry, vgg16.LAYERS))
    by_name = {shape.name: geometry(shape) for shape in vgg16.LAYERS}
    assert +more == Counter([by_name["conv3_3"], by_name["conv4_3"], by_name["conv5_3"]])
    assert not -more


def test_resnet_shortcuts_join_the_maps_of_their_block() -> None:
    for layers in (resnet.RESNET18, resnet.RESNET50):
        shapes = {shape.name: shape for shape in layers}
        shortcuts = [name for name in shapes if "downsample" in name]
        assert len(shortcuts) == (3 if layers is resnet.RESNET18 else 4)
        for name in shortcuts:
            block = name.partition(".downsample")[0]
            inside = [shape for other, shape in shapes.items() if other.startswith(f"{block}.conv")]
            assert shapes[name].in_channels == inside[0].in_channels
            assert shapes[name].height == inside[0].height
            assert outputs(shapes[name]) == outputs(inside[-1])


def outputs(shape: LayerShape) -> tuple[int, int, int]:
    return shape.out_channels, shape.out_height, shape.out_width


def test_mobilenet_layers_follow_each_other() -> None:
    layers = mobilenet_v1.LAYERS[:-1]
    for before, after in pairwise(layers):
        assert outputs(before) == (after.in_channels, after.height, after.width)
    assert outputs(layers[-1]) == (1024, 7, 7)
    assert mobilenet_v1.LAYERS[-1].in_channels == 1024  # behind average pooling
    depthwise = [shape for shape in layers if shape.name.endswith(".depthwise")]
    assert [shape.groups for shape in depthwise] == [shape.in_channels for shape in depthwise]
    # Table 2 of the paper: portions of the multiply-adds and of the parameters.
    of_1x1 = [shape for shape in layers if shape.name.endswith(".pointwise")]
    macs = sum(shape.macs for shape in of_1x1) / MACS["mobilenet_v1"]
    weights = sum(shape.weights for shape in of_1x1) / WEIGHTS["mobilenet_v1"]
    assert (round(100 * macs, 2), round(100 * weights, 2)) == (94.86, 74.59)


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_are_systematic(name: str) -> None:
    names = [shape.name for shape in BUNDLED[name].layers]
    assert len(set(names)) == len(names)
    # NET:LAYER is split at the first colon, and shells leave these letters alone.
    assert all(letter.isalnum() or letter in "._" for one in names for letter in one)
    assert all(shape.batch == 1 for shape in BUNDLED[name].layers)

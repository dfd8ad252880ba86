"""The bundled networks are found by name."""

import pytest

from bosquet.errors import InputError
from bosquet.models.zoo import BUNDLED, bundled_path, shapes_only


def test_every_bundled_network_has_its_file_or_only_shapes() -> None:
    assert list(BUNDLED) == sorted(BUNDLED)
    for name, network in BUNDLED.items():
        assert network.name == name
        path = bundled_path(name)
        assert shapes_only(name) is (network if path is None else None)
        assert network.layers if path is None else path.is_file()
        assert network.ratios.keys() <= {shape.name for shape in network.layers}
        assert bool(network.ratios) == bool(network.ratios_from)
    assert shapes_only("alexnet")
    assert bundled_path("lenet5")
    assert shapes_only("net.onnx") is None


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(InputError, match="no bundled network 'lenet'; there are alexnet, lenet5"):
        bundled_path("lenet")

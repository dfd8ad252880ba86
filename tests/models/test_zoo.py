"""The bundled networks are found by name."""

import pytest

from bosquet.errors import InputError
from bosquet.models.zoo import BUNDLED, bundled_path


def test_every_bundled_network_has_its_file_or_only_shapes() -> None:
    for name in BUNDLED:
        path = bundled_path(name)
        assert path is None or path.is_file()
    assert bundled_path("alexnet") is None


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(InputError, match="no bundled network 'lenet'; there are alexnet, lenet5"):
        bundled_path("lenet")

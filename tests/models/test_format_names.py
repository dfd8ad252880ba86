"""Formats by name: each has the name that finds it."""

import pytest

from bosquet.errors import InputError
from bosquet.models.formats import Bitmap, Dense, Relative
from bosquet.models.formats.named import FORMATS, format_named


@pytest.mark.parametrize("form", [Dense(), Bitmap(), *map(Relative, range(2, 13))])
def test_each_format_is_found_by_its_name(form: Dense | Bitmap | Relative) -> None:
    assert format_named(form.name) == form
    assert form.name in FORMATS


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(InputError, match="no index format 'bitmpa', did you mean bitmap; "):
        format_named("bitmpa")
    with pytest.raises(InputError, match="'xyz'; there are dense, bitmap and relative2 to rel"):
        format_named("xyz")

"""Files of arrays that cannot be read are refused with one line, whatever is wrong with them."""

from pathlib import Path

import numpy as np
import pytest

from bosquet.errors import InputError
from bosquet.models.arrays import read_arrays


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.npz"


def test_arrays_come_back_by_name(path: Path) -> None:
    np.savez_compressed(path, allow_pickle=False, one=np.arange(3), two=np.float32(2.5))
    found = read_arrays(path)
    assert list(found) == ["one", "two"]
    assert found["one"].tolist() == [0, 1, 2]
    assert found["two"] == 2.5


def refused(path: Path, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        read_arrays(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(path: Path) -> None:
    refused(path, "cannot be read: No such file")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file(share: float, path: Path) -> None:
    np.savez_compressed(path, allow_pickle=False, one=np.arange(300))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, "not an .npz file")


def test_a_damaged_array(path: Path) -> None:
    np.savez(path, allow_pickle=False, one=np.arange(300))
    whole = bytearray(path.read_bytes())
    whole[1000] ^= 1  # in the numbers: the checksum of the zip file tells
    path.write_bytes(whole)
    refused(path, "not an .npz file")


@pytest.mark.parametrize("content", [b"", b"weight = 1\n", b"PK\x03\x04"])
def test_another_file(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    refused(path, "not an .npz file")


def test_a_single_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))
    refused(path, "not an .npz file")


def test_objects(path: Path) -> None:
    np.savez(path, one=np.array([{}]))
    refused(path, "without pickles")

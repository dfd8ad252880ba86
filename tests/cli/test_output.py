"""What a command answers with: documents without NaN, aligned tables, whole files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bosquet.cli.output import (
    check_places,
    document,
    dumps,
    emit_answer,
    table,
    write_atomically,
)
from bosquet.errors import InputError


def test_a_document_names_its_schema_first() -> None:
    assert list(document("models", {"models": []})) == ["schema", "models"]
    assert document("models", {})["schema"] == "bosquet.models/1"


def test_numpy_and_paths_become_plain_values() -> None:
    content = {
        "integer": np.int64(3),
        "float": np.float32(0.5),
        "array": np.arange(3),
        "flag": np.bool_(True),
        "path": Path("a") / "b",
    }
    assert json.loads(dumps(content)) == {
        "integer": 3,
        "float": 0.5,
        "array": [0, 1, 2],
        "flag": True,
        "path": str(Path("a") / "b"),
    }


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), np.float64("nan"), np.float32("inf"), np.array([np.nan])]
)
def test_what_json_does_not_have_is_never_written(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"x": [value]})


def test_a_value_without_a_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        dumps({"x": object()})


def test_columns_are_aligned() -> None:
    text = table(("name", "cycles"), [("conv1", "5,810"), ("fc2", "250"), ("none", None)])
    assert text.splitlines() == [
        "name   cycles",
        "conv1   5,810",
        "fc2       250",
        "none        -",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("a", "b"), []) == "a  b"


def test_an_answer_is_json_or_text_and_may_be_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    emit_answer({"a": 1}, "text\n\n", as_json=False)
    assert capsys.readouterr().out == "text\n"
    out = tmp_path / "new" / "answer.json"
    emit_answer({"a": 1}, "text", as_json=True, out=out)
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads(out.read_text()) == {"a": 1}
    assert str(out) in captured.err


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    write_atomically(file, "old")
    write_atomically(file, "new")
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_atomically(blocked / "answer.json", "text")


def test_what_is_read_is_not_replaced(tmp_path: Path) -> None:
    source = tmp_path / "layer.npz"
    source.touch()
    check_places({"--out": tmp_path / "other"}, [source, "lenet5", None])
    with pytest.raises(InputError, match=r"layer\.npz: --out would replace what is read; give"):
        check_places({"--out": tmp_path / "." / "layer.npz"}, [str(source), None])


def test_places_are_checked_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check_places({"--out": tmp_path / "a.json", "--report": tmp_path / "new" / "b", "--vcd": None})
    for places, told in (
        ({"--out": tmp_path}, "Is a directory; give another place with --out"),
        ({"--out": tmp_path / "file" / "a"}, "its folder is a file; give another place with --out"),
        (
            {"--trace": tmp_path / "a", "--out": tmp_path / "b" / ".." / "a"},
            "--trace and --out write the same file; give two names",
        ),
    ):
        with pytest.raises(InputError, match=told):
            check_places(places)

"""Designs: presets, TOML, and one clear line for each combination that does not exist."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bosquet.errors import DesignError
from bosquet.hw.design import Buffers, Design, broadcast_stages

SPARSE = Design("sparse", 16, 16)


@pytest.mark.parametrize(
    ("consumers", "stages"), [(1, 0), (16, 0), (17, 1), (256, 1), (257, 2), (4096, 2)]
)
def test_broadcast_stages(consumers: int, stages: int) -> None:
    assert broadcast_stages(consumers) == stages


def test_presets() -> None:
    dense = Design.named("dense-12x20")
    assert (dense.family, dense.lanes, dense.vector, dense.macs) == ("dense", 12, 20, 240)
    assert dense.name == "dense-12x20"
    assert Design.named("sparse-16x16") == SPARSE


def test_derived_numbers() -> None:
    design = Design("sparse", 35, 12, window=8, run_ahead=4, drain=4, drain_cycles=3)
    assert design.ring == 32
    assert design.clusters == 3  # 16 + 16 + 3
    assert design.drain_groups == 9  # 8 of 4 lanes and one of 3
    assert design.beat_columns == 4
    assert replace(design, vector=12).bus_bits == 96
    assert Design.dense(1, 4).bus_bits == 64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lanes": 0}, "design.lanes must be between 1 and 256, not 0"),
        ({"weight_bits": 99}, "design.weight_bits must be between 2 and 16, not 99"),
        ({"act_bits": 0}, "design.act_bits must be between 2 and 16, not 0"),
        ({"lanes": True}, "design.lanes must be between 1 and 256, not True"),
        ({"run_ahead": 5}, "run_ahead must be one of 1, 2, 3, 4, not 5; .* is 4"),
        ({"feed": 5}, "feed must be one of 1, 2, 4, 8, 16, not 5; .* is 4"),
        ({"scan_bits": 8}, "scan_bits must be one of 16, 32, 64, not 8; .* is 16"),
        ({"window": 12}, "window must be a power of two, not 12; the nearest legal choice is 8"),
        ({"window": 4, "feed": 8}, r"window \(4\) must hold at least one feed step .* window = 8"),
        ({"drain_cycles": 3}, r"drain_cycles must divide vector \(16\), not 3; .* is 2"),
        ({"lanes": 2, "drain": 3}, r"drain must be at most lanes \(2\), not 3"),
        ({"index_bits": (6, 4)}, "index_bits must be ascending widths between 2 and 12"),
        ({"index_bits": (1,)}, "index_bits must be ascending widths between 2 and 12"),
        ({"index_bits": (3, 5, 13)}, r"not \[3, 5, 13\]; the nearest legal choice is \[3, 5, 12\]"),
        ({"index_bits": ()}, r"not \[\]; the nearest legal choice is \[4\]"),
        ({"index_bits": ("4",)}, r"index_bits must be a list of widths, not \('4',\)"),
        ({"index_bits": 4}, "index_bits must be a list of widths, not 4"),
        ({"weight_codes": "zero_free"}, "weight_codes must be a list of names, not 'zero_free'"),
        ({"feed": 8.0}, "feed must be one of 1, 2, 4, 8, 16, not 8.0"),
        ({"buffers": Buffers(1, 1, 0 + 1, 1, 1), "window": 16, "feed": 8},
         "cannot hold one window of 16 vectors; the least is 2"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message) as error:
        replace(SPARSE, **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("field", ["window", "run_ahead", "feed", "fifo_depth"])
def test_dense_arrays_have_no_window(field: str) -> None:
    with pytest.raises(DesignError, match=f"design.{field} must be 1 in the dense family"):
        Design.from_values({"family": "dense", "lanes": 4, "vector": 4, field: 2}, "here")


def test_dense_arrays_have_no_index() -> None:
    with pytest.raises(DesignError, match="index_bits must be empty in the dense family"):
        replace(Design.dense(4, 4), index_bits=(4,))


@pytest.mark.parametrize("name", ["", "dense", "sparse-4", "sparse-4x", "eie-4x4", "dense-4x4x4"])
def test_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(DesignError, match="unknown design"):
        Design.named(name)


def test_named_sizes_are_checked() -> None:
    with pytest.raises(DesignError, match=r"design\.lanes must be between 1 and 256, not 0"):
        Design.named("dense-0x16")


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text(
        'family = "sparse"\nlanes = 8\nvector = 4\nindex_bits = [4, 6]\n'
        "[buffers]\nweight_words = 9\nindex_words = 8\nfeature_words = 70\nfilter_words = 3\n"
        "offset_words = 2\n"
    )
    assert Design.named(str(path)) == Design(
        "sparse", 8, 4, index_bits=(4, 6), buffers=Buffers(9, 8, 70, 3, 2)
    )


def test_dense_toml_takes_the_dense_defaults(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text('family = "dense"\nlanes = 8\nvector = 4\ndrain = 2\n')
    assert Design.named(str(path)) == replace(Design.dense(8, 4), drain=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('family = "sparse"\nlanes = 8x\n', "not valid TOML: .*line 2"),
        ('family = "sparse"\nlanes = 8\n', "design.vector is missing"),
        ('family = "sparse"\nlanes = 8\nvector = 4\nlane = 1\n', "unknown field design.lane;"),
        ('family = "sparse"\nlanes = 8\nvector = 4\nfeed = 3\n', "design.feed must be one of"),
        (
            'family = "sparse"\nlanes = 8\nvector = 4\nbuffers = 3\n',
            "design.buffers must be a table of weight_words, .*, not 3",
        ),
        (
            'family = "sparse"\nlanes = 8\nvector = 4\n[buffers]\nweight_words = 3\n',
            r"design.buffers must be a table of weight_words, .*, not \['weight_words'\]",
        ),
    ],
)
def test_bad_toml_is_refused_with_its_path(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "d.toml"
    path.write_text(text)
    with pytest.raises(DesignError, match=rf"d\.toml: (.*: )?{message}"):
        Design.named(str(path))


def test_missing_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="cannot be read: No such file"):
        Design.named(str(tmp_path / "none.toml"))


def test_buffers() -> None:
    assert Buffers(1, 5, 3, 4, 2).covering(Buffers(2, 4, 3, 9, 1)) == Buffers(2, 5, 3, 9, 2)
    assert Buffers(1, 0, 1, 1, 1).index_words == 0
    for words in (0, True, 1.5):
        with pytest.raises(
            DesignError,
            match=rf"design\.buffers\.weight_words .* at least 1, not {re.escape(repr(words))}",
        ):
            Buffers(words, 0, 1, 1, 1)  # type: ignore[arg-type]
    with pytest.raises(DesignError, match=r"design\.buffers\.index_words .* 16777216, not 1677721"):
        Design("sparse", 4, 4, buffers=Buffers(1, (1 << 24) + 1, 64, 1, 1))

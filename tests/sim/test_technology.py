"""What a technology refuses before it gives a figure."""

from pathlib import Path

import pytest

from bosquet.errors import InputError
from bosquet.sim.technology import Technology


@pytest.mark.parametrize("text", [None, "", "hello\n"])
def test_a_lane_table_that_was_asked_for_has_rows(tmp_path: Path, text: str | None) -> None:
    table = tmp_path / "mine.csv"
    if text is not None:
        table.write_text(text)
    with pytest.raises(InputError, match=r"mine\.csv: holds no row of a lane table.*bosquet synth"):
        Technology.load(table=table)

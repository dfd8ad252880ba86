"""What the benchmarks measure runs in a process of its own."""

import sys
from pathlib import Path

import pytest
from fresh_process import answer_of, call, children_cpu_s, own_answer, peak_bytes

from bosquet.errors import ToolError

SAYS = "import os, sys; print('a log'); print(os.listdir(os.environ['XDG_CACHE_HOME']))"
BURNS = "import time\nwhile time.process_time() < 0.3: pass"
FAILS = "import sys; print('a log'); sys.exit('error: no such thing')"


def test_the_cache_is_empty_and_the_last_line_is_the_answer() -> None:
    assert answer_of([sys.executable, "-c", SAYS], "it fails") == []


def test_a_script_runs_with_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import json, sys; print(json.dumps(sys.argv[1:]))")
    assert own_answer(str(script), "--here", "7") == ["--here", "7"]


def test_a_failure_is_told_in_one_line() -> None:
    with pytest.raises(ToolError, match=r"^it fails: no such thing$"):
        call([sys.executable, "-c", FAILS], "it fails")
    with pytest.raises(ToolError, match=r"^it fails: no-such-program: No such file"):
        call(["no-such-program"], "it fails")


def test_cpu_seconds_are_those_of_the_command() -> None:
    before_s = children_cpu_s()
    call([sys.executable, "-c", BURNS], "it fails")
    assert children_cpu_s() - before_s >= 0.3


def test_the_peak_grows_with_what_is_held() -> None:
    before = peak_bytes()
    held = bytearray(before)
    held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])  # every page is touched
    assert peak_bytes() >= before + len(held) // 2

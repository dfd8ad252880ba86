"""Every command answers --help, and every run ends with the right exit code and one line."""

import subprocess
import sys

import pytest
from command_line import bosquet

from bosquet import __version__
from bosquet.cli import main
from bosquet.errors import ToolError

COMMANDS = (
    "breakeven",
    "demo",
    "doctor",
    "emit",
    "models",
    "simulate",
    "synth",
    "verify",
)


def test_help_lists_every_command() -> None:
    finished = bosquet("--help")
    assert finished.code == 0
    for command in COMMANDS:
        assert f"  {command} " in finished.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    finished = bosquet(command, "--help")
    assert finished.code == 0
    assert f"Usage: bosquet {command} [OPTIONS]" in finished.out
    assert "--json" in finished.out


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("doctor", "synth")])
def test_every_command_with_chance_in_it_takes_a_seed(command: str) -> None:
    assert "--seed" in bosquet(command, "--help").out


def test_versions_of_the_tools_are_printed() -> None:
    finished = bosquet("--version")
    assert finished.code == 0
    lines = finished.out.splitlines()
    assert lines[0] == f"bosquet {__version__}"
    assert any(line.startswith("amaranth 0.5") for line in lines)
    assert any(line.startswith("python 3.") for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ("prune",),
        ("models", "--color"),
        ("simulate", "lenet5"),
        ("simulate", "lenet5", "--design", "sparse-4x4", "--ratio", "much"),
        ("verify",),
        ("verify", "lenet5:fc2"),
        ("verify", "lenet5:fc2", "--random", "3"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    finished = bosquet(*arguments)
    assert finished.code == 2
    assert finished.out == ""
    assert "Usage: bosquet" in finished.err


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make the command line fail while a command runs."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(main, "summary", fail)


def test_an_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, KeyboardInterrupt())
    assert bosquet("--version").code == 130


def test_a_missing_tool_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, ToolError("Yosys is missing\n  install it"))
    finished = bosquet("--version")
    assert (finished.code, finished.err) == (1, "error: Yosys is missing install it\n")


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, OSError(28, "No space left on device", "out.json"))
    finished = bosquet("--version")
    assert (finished.code, finished.err) == (1, "error: out.json: No space left on device\n")


def test_a_bug_is_one_line_and_a_traceback_only_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fails_with(monkeypatch, ValueError("oh"))
    finished = bosquet("--version")
    assert finished.code == 1
    assert finished.err.splitlines() == [
        "internal error: ValueError: oh, please report; `bosquet --debug ...` shows where"
    ]
    for arguments in (("--debug", "--version"), ("--version", "--debug")):
        finished = bosquet(*arguments)
        assert finished.code == 1
        assert finished.err.startswith("Traceback (most recent call last):")
        assert finished.err.splitlines()[-1] == "internal error: ValueError: oh, please report"


def test_the_entry_point_passes_the_exit_code_on() -> None:
    """In a process of its own, as a shell sees it."""
    program = "from bosquet.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "models", "nowhere.onnx"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: nowhere.onnx is neither a file nor")

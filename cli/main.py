"""The command ``bosquet``: its sub-commands, and how every run ends.

Exit codes: 0 ok, 1 the input or the run failed (one line says what), 2 usage, 130 interrupted.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from ..errors import BosquetError
from .breakeven import breakeven
from .demo import demo
from .doctor import doctor
from .emit import emit
from .models import models
from .reproduce import reproduce
from .simulate import simulate
from .sweep import sweep
from .synth import synth
from .verify import verify
from .versions import summary

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="bosquet",
    help="From which pruning ratio on pruning pays in hardware, and on which accelerator.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

for command in (demo, models, simulate, breakeven, reproduce, sweep, emit, verify, synth, doctor):
    app.command()(command)


def _print_versions(wanted: bool) -> None:
    if wanted:
        typer.echo(summary())
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the code a failure comes from.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_versions,
            is_eager=True,
            help="Print the versions of bosquet and of the tools it uses.",
        ),
    ] = False,
) -> None:
    """From which pruning ratio on pruning pays in hardware, and on which accelerator."""


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    # Taken out here, so that it may stand anywhere and holds for failures of the parsing too.
    debug = "--debug" in arguments
    rest = [argument for argument in arguments if argument != "--debug"]
    try:
        typer.main.get_command(app)(rest, prog_name="bosquet")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except BosquetError as error:
        if debug:
            traceback.print_exc()
        return _failed(f"error: {error}", 1)
    except OSError as error:
        if debug:
            traceback.print_exc()
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"error: {where}{error.strerror or error}", 1)
    except Exception as error:
        if debug:
            traceback.print_exc()
        hint = "" if debug else "; `bosquet --debug ...` shows where"
        return _failed(f"internal error: {type(error).__name__}: {error}, please report{hint}", 1)
    return 0


def _failed(message: str, code: int) -> int:
    """Print a failure as one line and return its exit code."""
    typer.echo(" ".join(message.split()), err=True)
    return code

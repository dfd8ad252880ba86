"""A file that one process at a time works on; the kernel takes the lock back however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError

__all__ = ["locked_file"]


@contextmanager
def locked_file(path: Path, command: str, option: str) -> Iterator[BinaryIO]:
    """Open a file for reading and appending, for this process alone.

    Parameters
    ----------
    path : Path
    command : str
        Command of bosquet that works on it, for errors.
    option : str
        Option that gives another place.

    Raises
    ------
    InputError
        If the file cannot be written, another process works on it, or there are no locks here.
    """
    # Not at the top: Windows has no fcntl, and the other commands must not need it.
    try:
        import fcntl
    except ImportError as error:
        raise InputError(f"bosquet {command} needs a system with file locks (flock)") from error
    try:
        file = path.open("a+b")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror or error}; give another place with"
            f" {option}"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{path}: another bosquet {command} is at work on it; wait for it, or give"
                f" another place with {option}"
            ) from error
        except OSError as error:
            raise InputError(f"{path}: cannot be locked: {error.strerror or error}") from error
        yield file

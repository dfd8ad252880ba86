"""Every error bosquet raises on purpose, so that a caller can tell bad input from a bug.

    BosquetError
    ├── InputError      a file, a network or a layer is not what it must be
    ├── DesignError     a design names a combination that does not exist
    ├── FitError        a layer does not fit a design (buffer, accumulator, index)
    └── ToolError       an external tool is missing or failed

The message is one line: what is wrong, where, the value found, what is allowed, and the fix
where there is one. The command line prints it as it stands and exits with 1.
"""

__all__ = ["BosquetError", "DesignError", "FitError", "InputError", "ToolError"]


class BosquetError(Exception):
    """Base of every error that bosquet raises on purpose."""


class InputError(BosquetError):
    """A file, a network, a layer or an option is not what it must be."""


class DesignError(BosquetError):
    """A design has a field, or a combination of fields, that does not exist."""


class FitError(BosquetError):
    """A layer does not fit a design."""


class ToolError(BosquetError):
    """An external tool is missing or failed."""

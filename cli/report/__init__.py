"""The HTML report: one self-contained file that opens without a network."""

from .page import write
from .results import Results

__all__ = ["Results", "write"]

"""The HTML reports: self-contained files that open without a network."""

from .page import write
from .results import Results
from .simulation_page import write_simulation

__all__ = ["Results", "write", "write_simulation"]

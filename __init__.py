"""bosquet: from which pruning ratio on pruning pays in hardware, and on which accelerator."""

__version__ = "0.1.0"

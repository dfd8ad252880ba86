"""Which activations of a layer are not zero: what the EIE array's cycles depend on."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALL_ACTIVE", "Activity", "ActivityKind"]

ActivityKind = Literal["q/dq", "data", "synthetic"]
"""Real data in the scales of the file or of a calibration, or made up from a seed."""

ALL_ACTIVE = (
    "every activation counts as active; --calibrate, --activations or --activation-density tell"
    " which are zero"
)
"""What is said where nothing is known of the activations."""


@dataclass(frozen=True, eq=False)
class Activity:
    """The activations of an FC layer, as far as they are zero or not.

    Attributes
    ----------
    active : bool array (batch, in)
        False where an activation is zero.
    kind : ActivityKind
        How that is known.
    source : str
        From what, for a reader.
    """

    active: NDArray[np.bool_]
    kind: ActivityKind
    source: str

    @property
    def density(self) -> float:
        """Activations that are not zero / all."""
        return float(self.active.mean())

    def to_json(self) -> dict[str, Any]:
        """Return the ``activations`` of a layer."""
        return {"density": self.density, "kind": self.kind, "source": self.source}

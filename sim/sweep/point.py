"""One point: its layers on its design, simulated, or the reason why there is no such point.

A design that does not exist, or a layer that does not fit it, is ``refused``: the same each time.
Anything else that goes wrong is ``failed``: a bug, or memory that ran out, and worth another try.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ...errors import DesignError, FitError, InputError
from ...hw.design import Design
from ...hw.dram import Dram
from ...models.formats.named import format_named
from ..fast import FastSimulation, Prepared
from ..simulate import Simulation
from ..technology import Technology
from .design_values import base_values, design_of, joined
from .figures import Figures, predicted, simulated
from .grid import Point
from .layers import Loaded, Loader, SweptLayer, chosen_layers
from .spec import OWN, SMALLEST, SweepSpec

__all__ = ["Result", "Runner"]

Status = Literal["ok", "refused", "failed"]

_OF_LAYERS = ("network", "sweep.ratio", "sweep.seed", "sweep.batch")
"""What decides, beside the table ``layer``, which layers a point has."""


@dataclass(frozen=True)
class Result:
    """What came of a point.

    Attributes
    ----------
    point : int
        Its number.
    status : {"ok", "refused", "failed"}
    reason : str or None
        Why there are no figures.
    totals : dict
        Figures of all layers together.
    layers : tuple of dict
        Figures of each layer.
    """

    point: int
    status: Status
    reason: str | None = None
    totals: Figures = field(default_factory=dict)
    layers: tuple[Figures, ...] = ()


@dataclass(frozen=True, eq=False)
class Runner:
    """What runs the points of a sweep, in this process or in another one.

    Attributes
    ----------
    spec : SweepSpec
    load : Loader
    technology : Technology
    """

    spec: SweepSpec
    load: Loader
    technology: Technology
    _held: dict[tuple[object, ...], Loaded] = field(default_factory=dict, init=False, repr=False)
    _counted: dict[tuple[object, ...], Prepared] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def bases(self) -> Mapping[str, Mapping[str, Any]]:
        """Values of every base.

        Raises
        ------
        DesignError
            If one does not exist.
        """
        names = (name for table in self.spec.design for key, values in table.given()
                 if key == "base" for name in values)  # fmt: skip
        return {name: base_values(name) for name in dict.fromkeys(names)}

    def __call__(self, point: Point) -> Result:
        """Run a point."""
        try:
            return self._run(point)
        except (DesignError, FitError, InputError) as error:
            return Result(point.index, "refused", str(error))
        except Exception as error:
            # A bug in one point must not cost the others; the command ends with 1 and tells it.
            return Result(point.index, "failed", f"internal error: {type(error).__name__}: {error}")

    def network(self, point: Point) -> Loaded:
        """Return the network of a point, with masks; the last one is kept for the points after it.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        settings = point.settings
        ratio = settings["sweep.ratio"]
        key = settings["network"], ratio, settings["sweep.seed"]
        if key not in self._held:
            self._held.clear()
            shape = self.spec.input_shape
            self._held[key] = self.load(
                settings["network"],
                None if shape is None else tuple(shape),
                None if ratio == OWN else ratio,
                settings["sweep.seed"],
            )
        return self._held[key]

    def layers(self, point: Point) -> tuple[SweptLayer, ...]:
        """Return the layers that a point runs.

        Raises
        ------
        InputError
            If there are none such.
        """
        return chosen_layers(
            self.network(point),
            self.spec.layers,
            point.table("layer"),
            point.settings.get("sweep.batch"),
            point.settings["sweep.seed"],
        )

    def asked(self, point: Point) -> dict[str, Any]:
        """Return the fields of its design that a point and its base give, legal or not."""
        base, own = self._base_and_own(point)
        return joined(self.bases.get(base, {}), own)

    def design(self, point: Point) -> Design:
        """Return the design of a point.

        Raises
        ------
        DesignError
            If there is no such design.
        """
        base, own = self._base_and_own(point)
        return design_of(self.bases.get(base, {}), own, base or "[design]")

    @staticmethod
    def dram(point: Point) -> Dram | None:
        """Return what lies at the streams of a point, None for the ``ideal`` environment.

        Raises
        ------
        InputError
            If a number is out of range.
        """
        given = point.table("environment")
        if not given:
            return None
        return Dram(given["dram_bandwidth_bits"], given.get("dram_latency_cycles", 0))

    def _base_and_own(self, point: Point) -> tuple[str, dict[str, Any]]:
        own = point.table("design")
        base = own.pop("base", "")
        swept = point.table("sweep")
        own.update({name: swept[name] for name in ("weight_bits", "act_bits") if name in swept})
        return base, own

    def _run(self, point: Point) -> Result:
        design = self.design(point)
        layers = self.layers(point)
        name = point.settings["sweep.format"]
        forms = None if name == SMALLEST else [format_named(name)] * len(layers)
        dram = self.dram(point)
        if self.spec.tier == "fast":
            prepared = self._prepared(point, layers)
            totals, each = predicted(
                FastSimulation.of(prepared, design, self.technology, forms), layers
            )
        else:
            dram = self.dram(point)
            found = Simulation.of(layers, design, self.technology, _untold, forms, dram)
            totals, each = simulated(found, layers)
        return Result(point.index, "ok", totals=totals, layers=each)

    def _prepared(self, point: Point, layers: Sequence[SweptLayer]) -> Prepared:
        """Return the layers of a point prepared; the last ones are kept for the points after it."""
        settings = point.settings
        key = (
            *(settings.get(name) for name in _OF_LAYERS),
            *sorted(point.table("layer").items()),
        )  # fmt: skip
        if key not in self._counted:
            self._counted.clear()
            self._counted[key] = Prepared.of(layers)
        return self._counted[key]


def _untold(done: int, total: int, what: str) -> None:
    """Points are told, not the layers of each."""

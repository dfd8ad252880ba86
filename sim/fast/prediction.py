"""The fast tier: cycles of prepared layers on any design, within a known error.

Made for the inner loop of a search: the masks are counted once (``sim.fast.prepared``), and then a
network of fifty layers takes some milliseconds a design. The dense family is exact. The sparse
family is timed on samples of tiles and windows (``sim.fast.sparse``), the EIE family on samples of
row tiles and columns (``sim.fast.eie``), both by the rules of the timing contract. Nothing is
fitted to cycles of the exact simulator. Small layers are looked at as a whole.

Cycles are those of the ``ideal`` environment. A layer that does not fit the buffers or counters of
a design is cut as in the exact tier, by predicted cycles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...hw.cuts import Cuts, Shortage
from ...hw.design import Design
from ...hw.eie_program import check_layer
from ...hw.program import check_format
from ...models.formats import Dense, IndexFormat, Relative
from ..tiling import promising_cuts, start_cycles
from .error import KnownError, known_error
from .need import shortage, too_large
from .prepared import Prepared
from .runs import BoundName, FastRun, predicted_runs

__all__ = ["FastLayer", "FastTimes", "predict"]


@dataclass(frozen=True)
class FastLayer:
    """What a layer is predicted to take.

    Attributes
    ----------
    name : str
    runs : tuple of FastRun
        One, or as many as buffers and counters make necessary.
    cuts : Cuts or None
        How the layer is cut into them, None: not at all.
    """

    name: str
    runs: tuple[FastRun, ...]
    cuts: Cuts | None = None

    @property
    def cycles(self) -> int:
        """Cycles of all runs."""
        return sum(run.cycles for run in self.runs)

    @property
    def format_name(self) -> str:
        """Index format of the weights; of parts perhaps several."""
        return ", ".join(sorted({run.format.name for run in self.runs}))

    @property
    def bound(self) -> BoundName:
        """What takes most of the cycles of most of them, see `FastRun`."""
        cycles: dict[BoundName, int] = {}
        for run in self.runs:
            cycles[run.bound] = cycles.get(run.bound, 0) + run.cycles
        return max(cycles, key=lambda name: cycles[name])


@dataclass(frozen=True)
class FastTimes:
    """What layers are predicted to take on a design.

    Attributes
    ----------
    design : Design
    layers : tuple of FastLayer
    error : KnownError
        How far such predictions are off.
    """

    design: Design
    layers: tuple[FastLayer, ...]
    error: KnownError

    @property
    def cycles(self) -> int:
        """Cycles of all layers."""
        return sum(layer.cycles for layer in self.layers)


def predict(
    prepared: Prepared, design: Design, forms: Sequence[IndexFormat | None] | None = None
) -> FastTimes:
    """Predict the cycles of each layer.

    Parameters
    ----------
    prepared : Prepared
    design : Design
    forms : sequence of IndexFormat or None, optional
        Format of each layer; where it is None, the one that ``Program.choose_format`` takes. Layers
        that share their weights have one format.

    Raises
    ------
    FitError
        If a layer does not fit the design, however it is cut.
    """
    asked = tuple(forms) if forms is not None else (None,) * len(prepared.shapes)
    for shape, form in zip(prepared.shapes, asked, strict=True):
        if design.family == "eie":
            check_layer(shape, design, form)
        elif form is not None:
            check_format(shape.name, form, design)
    chosen = _formats(prepared, design, asked)
    short = too_large(prepared, design, chosen)
    whole = [number for number in range(len(chosen)) if number not in short]
    layers = {
        number: FastLayer(prepared.shapes[number].name, (run,))
        for number, run in zip(whole, predicted_runs(prepared, whole, design, chosen), strict=True)
    }
    for number in short:
        layers[number] = _cut(prepared, number, design, asked[number])
    ordered = tuple(layers[number] for number in range(len(chosen)))
    return FastTimes(design, ordered, known_error(design))


def _formats(
    prepared: Prepared, design: Design, asked: Sequence[IndexFormat | None]
) -> list[IndexFormat]:
    """Return the format of each layer."""
    if design.family == "dense":
        return [Dense()] * len(asked)
    if design.family == "eie":
        return [Relative(design.index_bits[0])] * len(asked)
    smallest = prepared.forms(design)
    return [form or smallest[own] for form, own in zip(asked, prepared.own.tolist(), strict=True)]


def _cut(prepared: Prepared, number: int, design: Design, form: IndexFormat | None) -> FastLayer:
    """Cut a layer as ``sim.tiling.best_schedule`` does, by predicted cycles."""
    layer, name = prepared.weights[prepared.own[number]], prepared.shapes[number].name
    found = [_fixed(prepared, number, design, form)]
    started = start_cycles(design)
    if design.buffers is not None and design.family != "eie":
        for cuts in promising_cuts(layer, design, form, None):
            runs = _runs(prepared.parts(number, cuts), design, form)
            if isinstance(runs, tuple):
                found.append(FastLayer(name, runs, cuts))
    return min(found, key=lambda one: one.cycles + len(one.runs) * started)


def _fixed(prepared: Prepared, number: int, design: Design, form: IndexFormat | None) -> FastLayer:
    """Cut a layer by the fixed rule of ``hw.schedule``."""
    shape = prepared.shapes[number]
    cuts = Cuts.none(shape)
    while True:
        found = _runs(prepared.parts(number, cuts), design, form)
        if isinstance(found, tuple):
            return FastLayer(shape.name, found, cuts)
        cuts = cuts.finer(found, shape, design)


def _runs(
    parts: Prepared, design: Design, form: IndexFormat | None
) -> tuple[FastRun, ...] | Shortage:
    """Return the runs of parts, or what is too small for one of them."""
    # Counters first: what they cannot count is not even looked at.
    for shape in parts.shapes:
        if short := Shortage.of_counters(shape, design) or Shortage.of_positions(shape, design):
            return short
    every = range(len(parts.shapes))
    forms = _formats(parts, design, [form] * len(every))
    for number in every:
        if short := shortage(parts, number, design, forms[number]):
            return short
    return tuple(predicted_runs(parts, every, design, forms))

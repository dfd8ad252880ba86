"""Random cases for ``verify``: layers and designs of every kind (``random_recipes``).

Cases come in blocks of 50 designs with 10 layers each. The first 50 of a block are the *leads*: a
layer on a design with the buffers, widths and codes that it needs, or less. Then come, nine times,
other layers for the same designs: they take what is there, and are cut where it is too small. So
the RTL of a design serves ten cases, and any number of cases from 50 on has its share of each kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from ..errors import FitError
from ..hw.design import Design
from ..hw.program import Program
from ..models.formats import Bitmap, Dense, IndexFormat, Relative
from ..models.masks import seed_for
from .amaranth_rtl import amaranth_us
from .case import Case
from .coverage import LARGE_CYCLES, cut_dimensions
from .exact import simulate
from .random_designs import deeper, random_design, too_small
from .random_eie import another_eie_case, random_eie_case
from .random_fields import codes_for, random_dram
from .random_layers import random_features, random_layer, random_shape, scaled
from .random_recipes import BLOCK, Recipe, recipes
from .tiling import simulated

__all__ = ["LAYERS_PER_DESIGN", "RandomBatch", "random_batches", "random_case", "random_cases"]

LAYERS_PER_DESIGN = 10
_MOST_WORK_US = 2_500_000
"""Microseconds that Amaranth's simulator may take for a case that need not be large."""
_MOST_CUT_WORK_US = 4 * _MOST_WORK_US
"""Cut into parts, a layer takes longer than it would whole."""
_SIZES = (1.0, 1.5, 2.2, 0.5, 0.25, 0.12, 0.06, 0.03)
"""How large a layer for a given design is tried: larger ones may be cut as wanted, smaller fit."""


@dataclass(frozen=True)
class RandomBatch:
    """Random cases of one design, drawn where they are run.

    Attributes
    ----------
    seed : int
    indices : tuple of int
        Numbers of the cases.
    """

    seed: int
    indices: tuple[int, ...]

    @property
    def key(self) -> str:
        """Seed and numbers."""
        return f"random {self.seed}: {' '.join(map(str, self.indices))}"

    def __len__(self) -> int:
        return len(self.indices)

    def cases(self) -> Sequence[Case]:
        """Draw the cases."""
        return [random_case(self.seed, index) for index in self.indices]


def random_batches(count: int, seed: int) -> tuple[RandomBatch, ...]:
    """Return the first ``count`` random cases of a seed, those of one design together."""
    of_design: dict[int, list[int]] = {}
    for index in range(count):
        of_design.setdefault(_lead_of(index), []).append(index)
    return tuple(RandomBatch(seed, tuple(indices)) for indices in of_design.values())


def random_cases(count: int, seed: int) -> tuple[Case, ...]:
    """Return the first ``count`` random cases of a seed."""
    return tuple(random_case(seed, index) for index in range(count))


def random_case(seed: int, index: int) -> Case:
    """Return one random case: the same for the same seed and index.

    Raises
    ------
    InputError
        If the seed is negative.
    """
    lead = _lead_of(index)
    return _lead(seed, lead) if index == lead else _another(seed, index)


def _lead_of(index: int) -> int:
    """Return the first case of the same design."""
    block = index // (BLOCK * LAYERS_PER_DESIGN)
    return block * BLOCK * LAYERS_PER_DESIGN + index % BLOCK


@lru_cache(maxsize=BLOCK)
def _lead(seed: int, index: int) -> Case:
    """Draw a layer and a design for it, again if the layer is beyond the design's counters."""
    recipe = _recipe(seed, index)
    if recipe.array[0] == "eie":
        return random_eie_case(seed, index)
    rng = np.random.default_rng(seed_for(seed, "case", index))
    while True:
        try:
            return _pair(rng, seed, f"random_{index}", recipe)
        except FitError:
            continue


def _pair(rng: Generator, seed: int, name: str, recipe: Recipe) -> Case:
    """Draw a design, and a layer that it is made for.

    Raises
    ------
    FitError
        If the layer is too long for the counters of the design.
    """
    design = random_design(rng, recipe)
    form = _form(recipe.form)
    shape = random_shape(rng, name, recipe, design)
    layer = random_layer(rng, shape, recipe)
    while growth := _growth(recipe, Program.plan(layer, design, form)):
        shape = scaled(layer.shape, growth)
        if shape == layer.shape:
            break
        layer = random_layer(rng, shape, recipe)
    design = replace(
        design,
        **codes_for(layer, Program.plan(layer, design, form)),
        act_bits=layer.act_bits,
        acc_bits=max(8, layer.accumulator_bits),  # no bit to spare: a sum too large would show
    )
    dram = random_dram(rng, design) if recipe.environment == "dram" else None
    cut = recipe.layer[2]
    if cut != "none":
        design = too_small(cut, layer, design, form, dram)
    elif rng.random() < 0.3:
        design = replace(design, buffers=deeper(rng, Program.plan(layer, design, form).buffers))
    return Case(seed, layer, design, form, random_features(rng, layer), dram)


def _another(seed: int, index: int) -> Case:
    """Draw another layer for the design of a lead.

    Of those that fit, the first that is cut as the recipe says, or the first; if none fits, the
    lead's own layer, with other activations.
    """
    lead, recipe = _lead(seed, _lead_of(index)), _recipe(seed, index)
    design = replace(lead.design, buffers=lead.buffers)
    if design.family == "eie":
        return another_eie_case(seed, index, replace(lead, design=design))
    rng = np.random.default_rng(seed_for(seed, "case", index))
    found = None
    for size in _SIZES if recipe.size != "large" else _SIZES[:3]:
        try:
            case = _fitting(rng, f"random_{index}", recipe, replace(lead, design=design), size)
        except FitError:
            continue
        if recipe.size != "large" and _work_us(case) > _MOST_CUT_WORK_US:
            continue
        if recipe.layer[2] in (cut_dimensions(case.schedule) or {"none"}):
            return case
        found = found or case
    if found is None:
        shape = replace(lead.layer.shape, name=f"random_{index}")
        layer = replace(lead.layer, shape=shape)
        return replace(lead, layer=layer, design=design, features=random_features(rng, layer))
    return found


def _fitting(rng: Generator, name: str, recipe: Recipe, lead: Case, size: float) -> Case:
    """Draw a layer for a design that is there, about ``size`` times as large as the recipe says.

    Raises
    ------
    FitError
        If it does not fit.
    """
    design = lead.design
    recipe = _within(recipe, design)
    form = _random_form(rng, lead)
    shape = random_shape(rng, name, recipe, design)
    if size != 1:
        shape = scaled(shape, size)
    free = replace(design, buffers=None)
    layer = random_layer(rng, shape, recipe, (_widest(recipe, design), design.act_bits))
    while growth := _growth(recipe, Program.plan(layer, free, form)):
        shape = scaled(layer.shape, growth)
        if shape == layer.shape:
            break
        layer = random_layer(rng, shape, recipe, (_widest(recipe, design), design.act_bits))
    for weight_bits in range(layer.weight_bits - 1, 1, -1):
        if layer.accumulator_bits <= design.acc_bits:
            break
        layer = random_layer(rng, layer.shape, recipe, (weight_bits, design.act_bits))
    case = Case(lead.seed, layer, design, form, random_features(rng, layer), lead.dram)
    case.check_fit()
    return case


def _recipe(seed: int, index: int) -> Recipe:
    """Return the recipe of a case; layers for the same design have recipes of other deals."""
    deal, place = divmod(index, BLOCK)
    return recipes(seed, deal)[place]


def _within(recipe: Recipe, design: Design) -> Recipe:
    """Return a recipe of which the design does not matter, for a layer that it can run."""
    if recipe.code not in design.weight_codes:
        twos_complement = recipe.code == "zero_free"
        recipe = replace(recipe, code="twos_complement" if twos_complement else "zero_free")
    one_group = design.delivery == "port" and design.simd_group > 1
    grouped = recipe.layer[0] in ("grouped", "depthwise")
    layer = ("conv", *recipe.layer[1:]) if one_group and grouped else recipe.layer
    if design.family == "dense" and design.weight_codes == ("zero_free",):
        recipe = replace(recipe, density="full")
    return replace(recipe, simd_group=design.simd_group, layer=layer)


def _widest(recipe: Recipe, design: Design) -> int:
    """Return the widest weights a design stores; where it can store zeros too, with those."""
    either = recipe.code == "zero_free" and "twos_complement" in design.weight_codes
    return max(2, design.weight_bits - either)


def _random_form(rng: Generator, lead: Case) -> IndexFormat | None:
    """Draw a format that the design reads; without index memories there is one."""
    if lead.design.family != "sparse":
        return lead.form
    if not lead.buffers.index_words:
        return Dense()
    forms = [Bitmap(), Dense(), *(Relative(bits) for bits in lead.design.index_bits)]
    return forms[rng.integers(len(forms))]


def _growth(recipe: Recipe, program: Program) -> float | None:
    """Return by how much the work of a case must change, None if it need not."""
    cycles = simulate(program).cycles
    if recipe.size == "large":
        return None if cycles > LARGE_CYCLES else max(1.1, 1.05 * LARGE_CYCLES / cycles)
    work_us = amaranth_us(program.design, cycles)
    return None if work_us <= _MOST_WORK_US else max(0.1, 0.9 * _MOST_WORK_US / work_us)


def _work_us(case: Case) -> int:
    return amaranth_us(case.design, simulated(case.schedule, case.dram).cycles)


def _form(name: str) -> IndexFormat:
    if name.startswith("relative"):
        return Relative(int(name.removeprefix("relative")))
    return Bitmap() if name == "bitmap" else Dense()

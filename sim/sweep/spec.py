"""The specification of a sweep: a TOML file in which every field may have one value or a list.

Tables: ``[design]`` (or several ``[[design]]``) with any field of ``hw.design.Design``, ``[layer]``
with the geometry of the layers, ``[sweep]`` with ratio, format, widths, seed and batch,
``[environment]`` with the memory at the streams. ``linked`` names lists that go in step,
``[[exclude]]`` what is left out. Fields of the wrong type and unknown ones are refused here;
whether a combination of fields is a design that exists is the affair of each point.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)

from ...errors import InputError
from ...hw.design import Buffers, Design
from ...models.formats.named import format_named
from .spec_errors import spec_error

__all__ = ["OWN", "SMALLEST", "SweepSpec", "Tier", "read_spec"]

OWN = "own"
"""The ratio of a network that keeps its own masks."""

SMALLEST = "smallest"
"""The format of a layer that is stored in the one with the fewest bits."""

Tier = Literal["exact", "fast"]

Element = TypeVar("Element")


def _listed(value: Any) -> Any:
    """Return a list; a single value is a list of one."""
    return value if isinstance(value, list) else [value]


def _nested(value: Any) -> Any:
    """Return the values of a field that is a list itself: of a list of lists, several."""
    several = isinstance(value, list) and any(isinstance(one, list) for one in value)
    return value if several else [value]


def _each_once(values: list[Element]) -> list[Element]:
    if not values:
        raise ValueError("an empty list gives no points; name a value, or leave the field out")
    seen = set[str]()
    for value in values:
        # By its text, since tables and lists have no hash; the types within a field are the same.
        text = repr(value)
        if text in seen:
            raise ValueError(f"{text} is there twice")
        seen.add(text)
    return values


def _ratio(value: Any) -> float | str:
    if value == OWN:
        return OWN
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and isfinite(value) and value >= 1):
        raise ValueError(
            f'must be all weights / kept weights, finite and at least 1, or "{OWN}" for the'
            " network's own masks"
        )
    return float(value)


def _format(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'must be the name of an index format, or "{SMALLEST}"')
    if value == SMALLEST:
        return value
    try:
        return format_named(value).name
    except InputError as error:
        raise ValueError(f'{error}, and "{SMALLEST}"') from error


def _sides(count: int, least: int) -> Any:
    """Return what checks sizes: one number for all sides, or a list of ``count``."""

    def checked(value: Any) -> tuple[int, ...]:
        sizes = value if isinstance(value, list) else [value] * count
        if len(sizes) != count or not all(type(one) is int and one >= least for one in sizes):
            raise ValueError(
                f"each value must be a whole number of at least {least}, or a list of {count}"
            )
        return tuple(sizes)

    return BeforeValidator(checked)


Listed = Annotated[list[Element], BeforeValidator(_listed), AfterValidator(_each_once)]
Nested = Annotated[list[Element], BeforeValidator(_nested), AfterValidator(_each_once)]
Whole = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
"""What a column of whole numbers holds."""
Count = Annotated[int, Field(ge=1, lt=1 << 63)]
Pair = Annotated[tuple[int, int], _sides(2, 1)]
Four = Annotated[tuple[int, int, int, int], _sides(4, 0)]


class Table(BaseModel):
    """A table of the file: only known fields, no conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def given(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield the dotted name and the values of each field that the file gives, in our order."""
        for name in type(self).model_fields:
            if name not in self.model_fields_set:
                continue
            value = getattr(self, name)
            if isinstance(value, Table):
                yield from ((f"{name}.{inner}", values) for inner, values in value.given())
            else:
                yield name, tuple(tuple(one) if isinstance(one, list) else one for one in value)


class LayerTable(Table):
    """Geometry, instead of that of the layers (`models.layer.LayerShape`)."""

    in_channels: Listed[Count] = []
    out_channels: Listed[Count] = []
    kernel: Listed[Pair] = []
    stride: Listed[Pair] = []
    padding: Listed[Four] = []
    dilation: Listed[Pair] = []
    groups: Listed[Count] = []
    height: Listed[Count] = []
    width: Listed[Count] = []


class SweepTable(Table):
    """What belongs neither to the design nor to the geometry."""

    seed: Listed[Annotated[int, Field(ge=0, lt=1 << 63)]] = []
    ratio: Listed[Annotated[Any, BeforeValidator(_ratio)]] = []
    batch: Listed[Count] = []
    weight_bits: Listed[Whole] = []
    act_bits: Listed[Whole] = []
    format: Listed[Annotated[Any, BeforeValidator(_format)]] = []


def _generic(kind: Any, element: Any) -> Any:
    """Return ``kind[element]``, for types that are known at run time only."""
    return kind[element]


def _axis(hint: Any) -> Any:
    """Return the type of a field that may be swept, from the type that it has in a dataclass."""
    if get_origin(hint) is UnionType:
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if hint is Buffers:
        return BuffersTable
    if get_origin(hint) is tuple:
        element, _ = get_args(hint)
        return _generic(Nested, _generic(list, element))
    return _generic(Listed, Whole if hint is int else hint)


def _table_of(kind: type, name: str, **others: Any) -> Any:
    """Return a table with the fields of a dataclass, so that none can be forgotten here."""
    hints = get_type_hints(kind)
    types: dict[str, Any] = {f.name: (_axis(hints[f.name]), None) for f in fields(kind)}
    return create_model(name, __base__=Table, **others, **types)


if TYPE_CHECKING:
    BuffersTable = Table
    DesignTable = Table
else:
    BuffersTable = _table_of(Buffers, "BuffersTable")
    DesignTable = _table_of(Design, "DesignTable", base=(Listed[str], None))


class EnvironmentTable(Table):
    """What lies at the streams (`hw.dram.Dram`); nothing given: the ``ideal`` environment."""

    dram_bandwidth_bits: Listed[Whole] = []
    dram_latency_cycles: Listed[Whole] = []


class ExcludeTable(Table):
    """Points to leave out: those that have one of the given values in every field given."""

    network: Listed[str] = []
    design: DesignTable = DesignTable()
    layer: LayerTable = LayerTable()
    sweep: SweepTable = SweepTable()
    environment: EnvironmentTable = EnvironmentTable()


class SweepSpec(Table):
    """What is swept.

    Attributes
    ----------
    network : list of str
        ``NET`` or ``NET:LAYER``, as on the command line.
    layers : list of str or None
        The layers of each network that run on the design, in this order; None: all.
    input_shape : list of int or None
        Shape of the input, for models with symbolic dimensions.
    tier : {"exact", "fast"}
        Which simulator counts the cycles, or predicts them.
    design : list of DesignTable
        Each a set of designs.
    layer : LayerTable
    sweep : SweepTable
    environment : EnvironmentTable
    linked : list of list of str
        Dotted names of fields whose lists go in step, instead of all with all.
    exclude : list of ExcludeTable
    """

    network: Listed[str]
    layers: Listed[str] | None = None
    input_shape: list[Count] | None = None
    tier: Tier = "exact"
    design: Listed[DesignTable]
    layer: LayerTable = LayerTable()
    sweep: SweepTable = SweepTable()
    environment: EnvironmentTable = EnvironmentTable()
    linked: list[list[str]] = []
    exclude: Annotated[list[ExcludeTable], BeforeValidator(_listed)] = []

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values: fields in our order, every value a list."""
        tables = {
            "layer": dict(self.layer.given()),
            "sweep": dict(self.sweep.given()),
            "environment": dict(self.environment.given()),
            "design": [dict(table.given()) for table in self.design],
            "exclude": [dict(table.given()) for table in self.exclude],
        }
        plain = {
            "network": self.network,
            "layers": self.layers,
            "input_shape": self.input_shape,
            "tier": self.tier,
            "linked": self.linked,
        }
        return {**plain, **tables}


def read_spec(path: Path) -> SweepSpec:
    """Read the specification of a sweep.

    Raises
    ------
    InputError
        If the file cannot be read, is not valid TOML (the line is told), or a field is unknown,
        missing or of the wrong type (its dotted name is told, and the nearest known one).
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error
    return checked_spec(values, str(path))


def checked_spec(values: Mapping[str, Any], where: str) -> SweepSpec:
    """Check plain values; ``where`` names their source in messages.

    Raises
    ------
    InputError
        As `read_spec`.
    """
    try:
        spec = SweepSpec.model_validate(dict(values))
    except ValidationError as error:
        raise spec_error(error, values, where, KNOWN) from error
    for name, _ in spec.environment.given():
        if spec.tier == "fast":
            raise InputError(
                f'{where}: environment.{name} needs tier = "exact": the fast tier predicts cycles'
                " where streams never wait"
            )
    return spec


KNOWN: Mapping[str, tuple[str, ...]] = {
    "": tuple(SweepSpec.model_fields),
    "design": tuple(DesignTable.model_fields),
    "design.buffers": tuple(BuffersTable.model_fields),
    "layer": tuple(LayerTable.model_fields),
    "sweep": tuple(SweepTable.model_fields),
    "environment": tuple(EnvironmentTable.model_fields),
    "exclude": tuple(ExcludeTable.model_fields),
}
"""The fields of each table."""

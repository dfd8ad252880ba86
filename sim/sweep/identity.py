"""What the results of a sweep depend on: specification, networks, technology, versions, code.

Results may be added to a journal only by a run of the same identity: a table whose upper half is
of another version, card or network would look like a finding. Nothing here depends on the place,
the time or the machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from importlib.metadata import version
from json import dumps
from typing import Any

import numpy as np

from ... import __version__
from ...hw.synth.lane_table import LaneTable
from ..code_digest import code_digest
from ..technology import Technology
from .grid import Grid
from .layers import Loaded, named_layers
from .point import Runner

__all__ = ["differences", "digest", "identity"]

_ROOMS = ("models", "hw", "sim")
"""Rooms whose code decides the figures."""

_PACKAGES = ("numpy", "onnx")
"""Packages that the figures depend on: what a seed draws, and how a network is read."""


def identity(runner: Runner, grid: Grid) -> dict[str, Any]:
    """Return what the results of a sweep depend on, as plain values.

    Reads every network once.

    Raises
    ------
    InputError
        If a network cannot be read or lacks a layer that the specification names.
    """
    spec = runner.spec.to_json()
    # A seed from the command line is part of what was asked, though not of the file.
    spec["sweep"] = {"seed": [next(grid.points()).settings["sweep.seed"]], **spec["sweep"]}
    found = {
        "spec": spec,
        "bases": dict(runner.bases),
        "networks": dict(_networks(runner, grid)),
        "technology": _technology(runner.technology),
        "versions": {"bosquet": __version__, **{name: version(name) for name in _PACKAGES}},
        "code_digest": code_digest(_ROOMS),
    }
    plain = _plain(found)
    assert isinstance(plain, dict)
    return plain


def digest(content: object) -> str:
    """Return the fingerprint of plain values."""
    return blake2b(dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def differences(old: object, new: object, place: str = "") -> Iterator[str]:
    """Yield each place where two identities differ, with both values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            dotted = f"{place}.{name}" if place else str(name)
            yield from differences(old.get(name), new.get(name), dotted)
    elif isinstance(old, list) and isinstance(new, list) and _tables(old) == _tables(new) > 0:
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif old != new:
        yield f"{place.removeprefix('spec.')} was {_told(old)} and is {_told(new)}"


def _tables(values: list[Any]) -> int:
    """Return how many tables a list of tables has, 0 for a list of anything else."""
    return len(values) if all(isinstance(one, Mapping) for one in values) else 0


def _told(value: object) -> str:
    return "not given" if value is None else dumps(value)


def _networks(runner: Runner, grid: Grid) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each network by what it holds: the same file under another name is the same."""
    reader = replace(runner)  # its own, so that no masks are handed to other processes
    first = next(grid.points())
    for name in runner.spec.network:
        network = reader.network(replace(first, settings={**first.settings, "network": name}))
        chosen = named_layers(network, runner.spec.layers)
        facts = {
            "layers": [layer.shape.name for layer in chosen],
            "not_counted": network.unsupported,
            "digest": _content(network),
        }
        yield name, facts


def _content(network: Loaded) -> str:
    found = blake2b(digest_size=16)
    for layer in network.layers:
        found.update(repr(layer.shape).encode())
        found.update(np.packbits(layer.mask).tobytes())
        if layer.weight is not None:
            found.update(np.ascontiguousarray(layer.weight).tobytes())
    return found.hexdigest()


def _technology(technology: Technology) -> dict[str, Any]:
    rows = LaneTable.of(technology.rows)
    return {
        **technology.to_json(),
        "card_digest": digest(technology.card.model_dump_json()),
        "lane_table_rows": len(technology.rows),
        "lane_table_digest": digest(rows.to_csv()),
        "lane_table_tools": technology.tools,
    }


def _plain(value: Any) -> Any:
    """Return what JSON gives back: tuples are lists, numbers those of Python."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value

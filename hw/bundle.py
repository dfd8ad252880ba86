"""The bundle of a job on a design: Verilog, testbench with data, and files for other tools.

A bundle is one folder that needs nothing else. It is written beside its place and then moved
there, so that a half-written bundle never stands; the same job gives the same bytes.
"""

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import InputError
from .counters import LAG
from .job import Job
from .loader import MemoryKind, header_layout
from .manifest import SCHEMA, manifest
from .registers import COUNTER_BASE, LAYER_BASE, LONGEST_RUN, control_word, identity
from .template import render
from .testbench import memory_files, testbench, testbench_name
from .top import Accelerator
from .verilog import initialized_verilog

__all__ = ["DEFAULT_FREQ_HZ", "Bundle", "bundle_files", "bundle_name", "emit"]

DEFAULT_FREQ_HZ = 100e6
"""Clock of the constraints where nothing is known of the technology."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*_[A-Za-z0-9_]*")


@dataclass(frozen=True)
class Bundle:
    """An emitted bundle.

    Attributes
    ----------
    folder : Path
        Where it stands; its last part is the name.
    name : str
        Name of the bundle and of its top module.
    files : tuple of str
        Names of its files, sorted.
    cycles : int
        Predicted cycles of all runs.
    """

    folder: Path
    name: str
    files: tuple[str, ...]
    cycles: int

    @property
    def testbench(self) -> str:
        """Name of the testbench module."""
        return testbench_name(self.name)

    @classmethod
    def open(cls, folder: Path) -> "Bundle":
        """Return the bundle that stands in a folder.

        Raises
        ------
        InputError
            If there is none.
        """
        path = folder / f"{folder.resolve().name}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["schema"] == SCHEMA:
                return cls(folder, found["name"], tuple(found["files"]), found["cycles"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise InputError(f"{folder}: not a bundle: {path.name} is no manifest of {SCHEMA}")


def bundle_name(*parts: str) -> str:
    """Return a name for a bundle from parts such as network, layer and design."""
    words = [word for part in parts for word in re.findall(r"[A-Za-z0-9]+", part)]
    name = "_".join(words)
    return name if _NAME.fullmatch(name) else f"layer_{name}"


def emit(job: Job, name: str, folder: Path, freq_hz: float = DEFAULT_FREQ_HZ) -> Bundle:
    """Write a bundle to ``folder / name``; one that stands there is replaced.

    Parameters
    ----------
    job : Job
        What the accelerator does.
    name : str
        Name of the bundle, of its folder and of its top module; ``bundle_name`` makes one.
    folder : Path
        Made if it does not exist.
    freq_hz : float, default: 100e6
        Clock frequency of the constraints, in Hz.

    Raises
    ------
    InputError
        If the name is no identifier, the folder cannot be written, or something that is no bundle
        stands in its place.
    ToolError
        If Yosys fails.
    """
    _check(name, freq_hz)
    place = folder / name
    try:  # before the Verilog is written, which takes a while
        _check_replaceable(place)
        folder.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder))
    except OSError as error:
        raise _unwritable(name, folder, error) from error
    try:
        files = bundle_files(job, name, freq_hz)
        _put(files, workshop, place)
    except OSError as error:
        raise _unwritable(name, folder, error) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return Bundle(place, name, tuple(sorted(files)), job.totals["cycles"])


def bundle_files(job: Job, name: str, freq_hz: float = DEFAULT_FREQ_HZ) -> dict[str, str]:
    """Return the texts of the files of a bundle, by name; parameters as for ``emit``."""
    _check(name, freq_hz)
    bench = testbench_name(name)
    accelerator = Accelerator(job.design, job.buffers)
    ports = accelerator.metadata.as_json()["interface"]["members"]
    data = memory_files(job)
    values = {
        "name": name,
        "testbench": bench,
        "data_files": sorted(data),
        "core": f"bosquet:bundle:{name}:{__version__}",
        "description": f"{job.design.name} with layers and their testbench, made by bosquet",
        "design": job.design,
        "version": __version__,
        "header": _header(),
        "memory_numbers": ", ".join(f"{kind.value} {kind.name.lower()}" for kind in MemoryKind),
        "feature_memory": MemoryKind.FEATURES.value,
        "unit_offset": header_layout()["unit"].offset,
        "beats_offset": header_layout()["beats"].offset,
        "period_ns": f"{1e9 / freq_hz:.4f}",
        "counter_lag": LAG,
        "longest_run": LONGEST_RUN,
    }
    files = {
        f"{bench}.v": testbench(job, name),
        **data,
        f"{name}.v": render("bundle.v", **values) + initialized_verilog(accelerator, name),
        f"{name}.core": render("bundle.core", **values),
        f"{name}.vlt": render("bundle.vlt", **values),
        f"{name}.sdc": render("bundle.sdc", **values),
        "synth.ys": render("bundle.ys", **values),
    }
    told = sorted([*files, f"{name}.json", f"{name}.h", f"{name}_driver.py", "README.md"])
    values["manifest"] = facts = manifest(job, name, freq_hz, ports, told)
    files[f"{name}.json"] = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    files[f"{name}.h"] = render("bundle.h", **values, **_c_values(job, facts))
    files[f"{name}_driver.py"] = render("driver.py", **values)
    files["README.md"] = render("bundle.md", **values)
    return files


def _c_values(job: Job, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what only the C header needs."""
    rows = facts["registers"]
    return {
        "words": 1 << 8,
        "identity": identity(job.design, job.buffers),
        "layer_registers": [row for row in rows if LAYER_BASE <= row["address"] < COUNTER_BASE],
        "abort": control_word("abort"),
        "clear_counters": control_word("clear_counters"),
        "controls": [control_word(*run.control) for run in job.runs],
    }


def _header() -> str:
    """Return what the bits of a header beat mean, in words."""
    fields = header_layout()
    return ", ".join(
        f"{name} in bits {field.offset} to {field.offset + field.width - 1}"
        for name, field in fields
    )


def _check(name: str, freq_hz: float) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(
            "bundle name must be letters, digits and underscores, begin with a letter and hold an"
            f" underscore (no Verilog keyword does), not {name!r}"
        )
    if not (freq_hz > 0 and math.isfinite(freq_hz)):
        raise InputError(f"bundle {name}: freq_hz must be positive, not {freq_hz}")


def _check_replaceable(place: Path) -> None:
    """Refuse to replace what bosquet did not write."""
    if not (place.exists() or place.is_symlink()):
        return
    try:
        if not place.is_symlink():
            Bundle.open(place)
            return
    except InputError:
        pass
    raise InputError(
        f"{place}: is there already and is no bundle; move it away or choose another output folder"
    )


def _unwritable(name: str, folder: Path, error: OSError) -> InputError:
    return InputError(
        f"bundle {name}: cannot write to {folder}: {error.strerror or error}; choose another"
        " output folder"
    )


def _put(files: Mapping[str, str], workshop: Path, place: Path) -> None:
    """Write the files to a new folder in the workshop, then move it to its place."""
    made, former = workshop / "made", workshop / "former"
    made.mkdir()
    for file, text in files.items():
        (made / file).write_text(text, encoding="utf-8", newline="\n")
    if place.exists():
        os.replace(place, former)
    try:
        os.replace(made, place)
    except OSError:
        if former.exists():
            os.replace(former, place)
        raise

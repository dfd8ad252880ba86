"""Synthesis of one module: Verilog in, area and clock period out, with how they were got."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError, ToolError
from ..tech.card import TechnologyCard
from ..tech.cell import Library
from ..tech.logical_effort import builtin_library
from ..tech.netlist import Netlist
from ..tech.sta import PathStep, analyse
from .yosys import map_to_cells, recipe, versions

__all__ = ["SynthesisResult", "synthesize"]


@dataclass(frozen=True)
class SynthesisResult:
    """Area and speed of a module, without wires and without the memories outside of it.

    Attributes
    ----------
    top : str
        The module.
    area_um2, area_ge : float
        Cells, in um2 and in gate equivalents (two-input NANDs of the library).
    period_s : float
        Shortest clock period of the logic, in s; ports count as registers without delay.
    from_memory_s : float
        Of that period, what the logic behind memory outputs takes, in s; 0.0 without such.
    to_memory_s : float
        Latest arrival at a memory input after the clock edge, in s; 0.0 without such.
    cells, registers : int
        Instances, and how many of them are flip-flops.
    critical_path : tuple of PathStep
        The path that sets ``period_s``.
    library, technology : str
        Names of the cell library and of the technology card.
    recipe : str
        The Yosys script.
    versions : tuple of (str, str)
        Tools and their versions.
    """

    top: str
    area_um2: float
    area_ge: float
    period_s: float
    from_memory_s: float
    to_memory_s: float
    cells: int
    registers: int
    critical_path: tuple[PathStep, ...]
    library: str
    technology: str
    recipe: str
    versions: tuple[tuple[str, str], ...]

    @property
    def freq_hz(self) -> float:
        """Highest clock frequency of the logic, in Hz."""
        return 1 / self.period_s

    def period_with_memory_s(self, access_s: float, cycle_s: float) -> float:
        """Return the shortest clock period together with the memories around, in s.

        Parameters
        ----------
        access_s : float
            Access time of the slowest memory, in s.
        cycle_s : float
            Its own shortest period, in s.
        """
        return max(self.period_s, self.to_memory_s, access_s + self.from_memory_s, cycle_s)


def synthesize(
    verilog: str,
    top: str,
    card: TechnologyCard,
    library: Library | None = None,
    memory_reads: Sequence[str] = (),
    memory_writes: Sequence[str] = (),
) -> SynthesisResult:
    """Map a module to standard cells and measure it.

    Parameters
    ----------
    verilog : str
        Text of the design; one clock, rising edge.
    top : str
        Module to synthesize.
    card : TechnologyCard
        Gives um2 per gate, and the speed of the built-in library.
    library : Library, optional
        A real library instead of the built-in one. The card should then be one of that
        technology, or ``card.for_library(library)``.
    memory_reads, memory_writes : sequence of str
        Input ports that carry data read from memories, output ports that go to memories.

    Raises
    ------
    ToolError
        If Yosys is not installed, rejects the design, or leaves cells the library does not have.
    InputError
        If a named port does not exist, the logic has a loop or a gated clock, or there is no
        logic to time at all.
    """
    cells = builtin_library(card.fo4_s) if library is None else library
    netlist = Netlist.from_yosys_json(map_to_cells(verilog, top, cells), top)
    unmapped = sorted(name for name in netlist.counts() if name not in cells.cells)
    if unmapped:
        raise ToolError(
            f"Yosys left cells of {top} that library {cells.name} does not have:"
            f" {', '.join(unmapped)}; latches, memories and black boxes cannot be mapped"
        )
    timing = analyse(netlist, cells, memory_reads, memory_writes)
    if not timing.period_s:
        raise InputError(f"module {top} has no logic between its ports and registers to time")
    area_ge = netlist.area(cells) / cells.gate_area
    counts = netlist.counts()
    return SynthesisResult(
        top=top,
        area_um2=area_ge * card.um2_per_ge,
        area_ge=area_ge,
        period_s=timing.period_s,
        from_memory_s=timing.from_memory_s,
        to_memory_s=timing.to_memory_s,
        cells=counts.total(),
        registers=sum(counts[name] for name in counts if cells.cell(name).register),
        critical_path=timing.critical_path,
        library=cells.name,
        technology=card.name,
        recipe=recipe(top, cells),
        versions=tuple(versions().items()),
    )

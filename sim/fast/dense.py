"""Cycles of the dense family: the closed form of ``sim.exact_dense``, exact as there."""

from dataclasses import dataclass

from ...hw.deal import dealt_groups
from ...hw.design import Design
from ...hw.layout import Layout
from ...models.layer import LayerShape
from ..exact_dense import SteadyPasses
from ..output_stage import OutputStage

__all__ = ["DenseRun"]


@dataclass(frozen=True)
class DenseRun:
    """A layer on a design of the dense family.

    Attributes
    ----------
    design : Design
    steps : int
        Of a pass.
    tiles : int
        Filter tiles of all groups.
    vectors : int
        Vectors of positions.
    group_cycles : int
        Cycles that a group of lanes takes in the output stage.
    last_group : int
        Last one with a filter in the last pass.
    """

    design: Design
    steps: int
    tiles: int
    vectors: int
    group_cycles: int
    last_group: int

    @classmethod
    def of(cls, shape: LayerShape, design: Design) -> "DenseRun":
        """Lay a layer out for a design."""
        layout = Layout.of(shape, design)
        groups, lane_filters = dealt_groups(shape, design), layout.lane_filters
        filters = shape.out_channels // groups
        tiles = -(-filters // (design.lanes * lane_filters))
        in_last = filters - (tiles - 1) * design.lanes * lane_filters
        return cls(
            design,
            layout.steps,
            groups * tiles,
            layout.position_tiles,
            design.vector if layout.columns == "filters" else design.drain_cycles,
            (-(-in_last // lane_filters) - 1) // design.drain,
        )

    @property
    def passes(self) -> int:
        """Passes of all tiles."""
        return self.tiles * self.vectors

    @property
    def drain_cycles(self) -> int:
        """Cycles that the output stage takes for all passes."""
        return self.passes * self.design.drain_groups * self.group_cycles

    @property
    def cycles(self) -> int:
        """Cycles of the layer."""
        stage = OutputStage(self.design, self.group_cycles)
        return SteadyPasses(self.design, stage, self.steps).cycles(self.passes, self.last_group)

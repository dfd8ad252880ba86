"""The shell: what surrounds the array - control unit, load streams, performance counters.

It is the same for every family but for what the array tells the counters (``told_members``).
"""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .control import Control
from .counters import Counters, causes, told_members
from .design import Buffers, Design
from .loader import FEATURE_KINDS, WEIGHT_KINDS, Loader, write_layout
from .memories import rooms
from .registers import layer_layout

__all__ = ["Shell", "host_members", "load_members"]


def load_members(design: Design) -> dict[str, Any]:
    """Return the ports of the two load streams."""
    ports = {"tdata": In(design.bus_bits), "tvalid": In(1), "tready": Out(1), "tlast": In(1)}
    return {
        f"s_axis_{stream}_{name}": port
        for stream in ("weights", "features")
        for name, port in ports.items()
    }


def host_members() -> dict[str, Any]:
    """Return the ports of the register window, and the wires to the host."""
    return {
        "reg_address": In(8),
        "reg_write": In(1),
        "reg_write_data": In(32),
        "reg_read_data": Out(32),
        "done": Out(1),
        "error": Out(1),
        "irq": Out(1),
    }


class Shell(wiring.Component):
    """Control unit, loaders and counters.

    Besides the ports to the host (``load_members``, ``host_members``) and what the array tells the
    counters:

    Members
    -------
    registers : layer registers, out
    start : Signal, out
    using_weights, using_features : Signal, out
        Buffer set that the present run reads.
    weight_write, feature_write : write_layout, out
        What the loaders write into the buffers.
    beat_valid, beat_last, beat_ready : the output stage's stream
    m_axis_tvalid, m_axis_tready : the same at the port; no beat leaves a run that was ended
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self._design = design
        self._buffers = buffers
        super().__init__(
            told_members(design)
            | load_members(design)
            | host_members()
            | {
                "registers": Out(layer_layout(design)),
                "start": Out(1),
                "using_weights": Out(1),
                "using_features": Out(1),
                "weight_write": Out(write_layout(design)),
                "feature_write": Out(write_layout(design)),
                "beat_valid": In(1),
                "beat_last": In(1),
                "beat_ready": Out(1),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        m.submodules.control = control = Control(design, self._buffers)
        m.submodules.counters = counters = Counters(design)
        weights = Loader(design, rooms(design, self._buffers, WEIGHT_KINDS))
        features = Loader(design, rooms(design, self._buffers, FEATURE_KINDS))
        m.submodules.weight_loader, m.submodules.feature_loader = weights, features
        for name, loader, write in (
            ("weights", weights, self.weight_write),
            ("features", features, self.feature_write),
        ):
            m.d.comb += [
                loader.load.payload.data.eq(getattr(self, f"s_axis_{name}_tdata")),
                loader.load.payload.last.eq(getattr(self, f"s_axis_{name}_tlast")),
                loader.load.valid.eq(getattr(self, f"s_axis_{name}_tvalid")),
                getattr(self, f"s_axis_{name}_tready").eq(loader.load.ready),
                loader.open.eq(getattr(control, f"{name}_open")),
                loader.clear.eq(control.abort),
                getattr(control, f"{name}_ended").eq(loader.ended),
                getattr(self, f"using_{name}").eq(getattr(control, f"using_{name}")),
                write.eq(loader.written),
            ]
        sent = self.m_axis_tvalid & self.m_axis_tready
        m.d.comb += [
            control.wrong_section.eq(weights.wrong_section | features.wrong_section),
            control.cut.eq(weights.cut | features.cut),
            control.address.eq(self.reg_address),
            control.write.eq(self.reg_write),
            control.write_data.eq(self.reg_write_data),
            control.counters.eq(counters.values),
            control.ended.eq(sent & self.beat_last),
            self.reg_read_data.eq(control.read_data),
            self.done.eq(control.done),
            self.error.eq(control.error),
            self.irq.eq(control.irq),
            self.registers.eq(control.registers),
            self.start.eq(control.start),
            self.m_axis_tvalid.eq(self.beat_valid & control.running),
            self.beat_ready.eq(self.m_axis_tready & control.running),
            counters.clear.eq(control.clear),
            counters.running.eq(control.running),
            counters.waiting.eq(control.waiting),
            counters.weights_swapped.eq(control.start & control.swaps_weights),
            counters.features_swapped.eq(control.start & control.swaps_features),
            counters.weight_beat.eq(weights.load.valid & weights.load.ready),
            counters.feature_beat.eq(features.load.valid & features.load.ready),
            counters.sent.eq(sent),
        ]
        causes(m, self, design, counters)
        return m

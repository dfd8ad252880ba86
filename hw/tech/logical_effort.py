"""Our own standard-cell library, generated from logical effort: no foundry data, no licence.

A gate of drive X (its transistors are X times those of the smallest gate) takes

    delay = tau * (p + load / (X * C)),   input capacitance = X * g * C,

p and g being its parasitic delay and logical effort (I. Sutherland, B. Sproull, D. Harris,
"Logical Effort", 1999, chapter 1), C the input capacitance of the smallest inverter. One number
sets the speed: FO4 = 5 tau, the delay of an inverter that drives four of its kind (p = g = 1).
Areas are in gate equivalents (GE): the smallest two-input NAND is 1.

Delays do not depend on the input transition. Multiply-accumulate units of 4, 8 and 16 bits come
out within 15 % of two real libraries (SG13G2, sky130hd; same recipe), areas compared in GE and
periods in FO4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .cell import Library
from .liberty import parse_library

__all__ = ["builtin_liberty", "builtin_library"]

INVERTER_FF = 1.0
"""C: a choice; delays depend on ratios of capacitances only."""

TRANSITION_PER_DELAY = 0.8
"""20-80 % transition over the delay a gate would have with half its parasitics: a choice; it
matters to nothing, as no delay here depends on a transition."""

LOADS = (0.5, 2.0, 8.0, 32.0, 128.0)
"""Grid in units of C; any two values would do, as delays are linear in the load."""

MAX_LOAD = 64.0
"""Largest load of drive 1, in units of C: makes the mapper insert buffers."""


@dataclass(frozen=True)
class _Gate:
    """Attributes: see the module; area of drive 1 in GE."""

    name: str
    area_ge: float
    function: str
    effort: float
    parasitic: float
    sense: str

    @property
    def inputs(self) -> list[str]:
        return sorted(set(self.function) & set("ABCDS"))


# Efforts and parasitics of the inverting gates: Sutherland et al., tables 1.1 and 1.2 (pMOS
# twice as wide as nMOS). AND, OR, BUF are two stages taken as one; XOR and MUX carry an effort
# between those of their transmission-gate and static forms. Areas: chosen near
# those of real libraries relative to their NAND2.
_GATES = (
    _Gate("INV", 0.67, "!A", 1, 1, "negative_unate"),
    _Gate("BUF", 1.0, "A", 1, 2.5, "positive_unate"),
    _Gate("NAND2", 1.0, "!(A&B)", 4 / 3, 2, "negative_unate"),
    _Gate("NOR2", 1.0, "!(A|B)", 5 / 3, 2, "negative_unate"),
    _Gate("NAND3", 1.33, "!(A&B&C)", 5 / 3, 3, "negative_unate"),
    _Gate("NOR3", 1.33, "!(A|B|C)", 7 / 3, 3, "negative_unate"),
    _Gate("AND2", 1.33, "A&B", 1, 4, "positive_unate"),
    _Gate("OR2", 1.33, "A|B", 1, 4.5, "positive_unate"),
    _Gate("AOI21", 1.33, "!((A&B)|C)", 2, 3, "negative_unate"),
    _Gate("OAI21", 1.33, "!((A|B)&C)", 2, 3, "negative_unate"),
    _Gate("AOI22", 1.67, "!((A&B)|(C&D))", 2, 4, "negative_unate"),
    _Gate("OAI22", 1.67, "!((A|B)&(C|D))", 2, 4, "negative_unate"),
    _Gate("XOR2", 2.0, "A^B", 2.5, 5, "non_unate"),
    _Gate("XNOR2", 2.0, "!(A^B)", 2.5, 5, "non_unate"),
    _Gate("MUX2", 2.33, "(A&!S)|(B&S)", 2, 5, "non_unate"),
)

_GATE_DRIVES = (1, 2, 4)
_FLIP_FLOP_DRIVES = (1, 2)
_FLIP_FLOP_PARASITIC = 10.0  # clock to output: two latches of about one FO4 each
_FLIP_FLOP_SETUP = 10.0  # in tau: two FO4
_TIE_AREA_GE = 0.33
_CLOCK_GATE_AREA_GE = 4.2
"""Between sg13g2_lgcp_1 (27.2 um2, 3.75 GE) and sky130_fd_sc_hd__dlclkp_1 (17.5 um2, 4.67 GE)."""
_CLOCK_GATE_SETUP = 5.0  # in tau: one latch, where the flip-flop has two


@cache
def builtin_library(fo4_s: float) -> Library:
    """Return the generated library, read back from its text.

    Parameters
    ----------
    fo4_s : float
        Delay of an inverter that drives four of its kind, in s.
    """
    return parse_library(builtin_liberty(fo4_s), "built-in library")


def builtin_liberty(fo4_s: float) -> str:
    """Write the generated library as Liberty text; the same text for the same FO4.

    Parameters
    ----------
    fo4_s : float
        Delay of an inverter that drives four of its kind, in s.
    """
    tau_ns = fo4_s * 1e9 / 5
    cells = [_gate(gate, drive, tau_ns) for gate in _GATES for drive in _GATE_DRIVES]
    cells += [_flip_flop(drive, tau_ns) for drive in _FLIP_FLOP_DRIVES]
    cells += [_clock_gate(tau_ns), *(_tie(value) for value in (0, 1))]
    return "\n".join((_header(fo4_s), *cells, "}", ""))


def _header(fo4_s: float) -> str:
    loads = ", ".join(f"{load * INVERTER_FF:g}" for load in LOADS)
    thresholds = "\n".join(
        f"  {kind}_threshold_pct_{edge} : {value};"
        for kind, value in (("input", 50), ("output", 50), ("slew_lower", 20), ("slew_upper", 80))
        for edge in ("rise", "fall")
    )
    return f"""library(logical_effort_fo4_{fo4_s * 1e12:g}ps) {{
  delay_model : table_lookup;
  time_unit : "1ns";
  voltage_unit : "1V";
  current_unit : "1uA";
  pulling_resistance_unit : "1kohm";
  leakage_power_unit : "1nW";
  capacitive_load_unit(1, ff);
  nom_process : 1;
  nom_voltage : 1;
  nom_temperature : 25;
  default_max_transition : 1;
{thresholds}
  lu_table_template(delay) {{
    variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance;
    index_1("0.001, 0.2");
    index_2("{loads}");
  }}
  lu_table_template(constraint) {{
    variable_1 : related_pin_transition;
    variable_2 : constrained_pin_transition;
    index_1("0.001, 0.2");
    index_2("0.001, 0.2");
  }}"""


def _gate(gate: _Gate, drive: int, tau_ns: float) -> str:
    load = gate.effort * drive * INVERTER_FF
    pins = "\n".join(
        f"    pin({pin}) {{ direction : input; capacitance : {load:.4f}; }}" for pin in gate.inputs
    )
    arcs = "\n".join(
        _arc(pin, "combinational", gate.sense, gate.parasitic, drive, tau_ns) for pin in gate.inputs
    )
    # Half of a cell is its wiring and well, which do not grow with the drive.
    return f"""  cell({gate.name}_X{drive}) {{
    area : {gate.area_ge * (1 + drive) / 2:.3f};
{pins}
    pin(Y) {{
      direction : output;
      function : "{gate.function}";
      max_capacitance : {MAX_LOAD * drive * INVERTER_FF:g};
{arcs}
    }}
  }}"""


def _flip_flop(drive: int, tau_ns: float) -> str:
    setup = _FLIP_FLOP_SETUP * tau_ns
    parasitic = _FLIP_FLOP_PARASITIC
    return f"""  cell(DFF_X{drive}) {{
    area : {4.5 + 0.7 * drive:.3f};
    ff(IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; }}
    pin(CK) {{ direction : input; clock : true; capacitance : {INVERTER_FF:g}; }}
    pin(D) {{
      direction : input;
      capacitance : {INVERTER_FF:g};
{_check("setup", setup)}
{_check("hold", 0.0)}
    }}
    pin(Q) {{
      direction : output;
      function : "IQ";
      max_capacitance : {MAX_LOAD * drive * INVERTER_FF:g};
{_arc("CK", "rising_edge", "non_unate", parasitic, drive, tau_ns)}
    }}
  }}"""


def _clock_gate(tau_ns: float) -> str:
    """Write a latch and an AND gate; its delay is part of the clock tree, which is left out."""
    return f"""  cell(CLKGATE_X1) {{
    area : {_CLOCK_GATE_AREA_GE};
    clock_gating_integrated_cell : "latch_posedge";
    pin(CK) {{
      direction : input;
      clock : true;
      clock_gate_clock_pin : true;
      capacitance : {INVERTER_FF:g};
    }}
    pin(E) {{
      direction : input;
      clock_gate_enable_pin : true;
      capacitance : {INVERTER_FF:g};
{_check("setup", _CLOCK_GATE_SETUP * tau_ns)}
    }}
    pin(GCK) {{
      direction : output;
      clock_gate_out_pin : true;
      state_function : "CK & IQ";
      max_capacitance : {MAX_LOAD * INVERTER_FF:g};
    }}
  }}"""


def _tie(value: int) -> str:
    return f"""  cell(TIE{value}) {{
    area : {_TIE_AREA_GE};
    pin(Y) {{ direction : output; function : "{value}"; }}
  }}"""


def _arc(pin: str, kind: str, sense: str, parasitic: float, drive: int, tau_ns: float) -> str:
    def delay(load: float) -> float:
        return tau_ns * (parasitic + load / drive)

    def transition(load: float) -> float:
        return max(0.001, TRANSITION_PER_DELAY * tau_ns * (parasitic / 2 + load / drive))

    tables = "\n".join(
        _table(name, function)
        for name, function in (
            ("cell_rise", delay),
            ("cell_fall", delay),
            ("rise_transition", transition),
            ("fall_transition", transition),
        )
    )
    return f"""      timing() {{
        related_pin : "{pin}";
        timing_sense : {sense};
        timing_type : {kind};
{tables}
      }}"""


def _table(name: str, function: Callable[[float], float]) -> str:
    row = ", ".join(f"{function(load):.6f}" for load in LOADS)
    return f'        {name}(delay) {{ values("{row}", "{row}"); }}'


def _check(kind: str, time_ns: float) -> str:
    row = f"{time_ns:.6f}, {time_ns:.6f}"
    return f"""      timing() {{
        related_pin : "CK";
        timing_type : {kind}_rising;
        rise_constraint(constraint) {{ values("{row}", "{row}"); }}
        fall_constraint(constraint) {{ values("{row}", "{row}"); }}
      }}"""

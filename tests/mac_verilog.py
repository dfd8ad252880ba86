"""A multiply-accumulate unit as Verilog, small enough for any tool."""

__all__ = ["MAC"]

MAC = """
module mac(input clk, input clear, input signed [7:0] a, b, output reg signed [23:0] sum);
  reg signed [7:0] ra, rb;
  wire signed [23:0] product = ra * rb;
  always @(posedge clk) begin
    ra <= a; rb <= b;
    sum <= clear ? product : sum + product;
  end
endmodule
"""

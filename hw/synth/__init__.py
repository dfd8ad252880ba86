"""Synthesis: open tools run on the emitted Verilog, and the tables measured with them."""

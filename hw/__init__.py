"""Hardware: designs, programs, Amaranth generators and the Verilog bundle."""

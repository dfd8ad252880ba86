"""The HTML report: one self-contained file that opens without a network."""

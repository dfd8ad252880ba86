"""Simulation: cycles, area and break-even of a layer on a design."""

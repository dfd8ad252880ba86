"""Timelines: what happened in which cycle, for trace viewers and beside the waves of the RTL."""

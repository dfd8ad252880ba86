"""Sweeps: a grid of points, each a network on a design, simulated and written as tables.

``spec`` reads what a user wants, ``grid`` numbers the points, ``point`` simulates one, ``workers``
do so in several processes, ``journal`` keeps each result the moment it is there, ``identity`` says
what the results depend on, ``columns`` and ``tables`` make CSV and Parquet of them, ``run`` is the
whole way.
"""

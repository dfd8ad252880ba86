"""Technology: cards, Liberty cell libraries, the SRAM model and static timing analysis."""

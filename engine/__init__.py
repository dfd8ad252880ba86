"""The software reference: what a layer computes, independent of any hardware."""

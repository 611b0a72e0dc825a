"""Spiking networks: reading NIR graphs, lowering them to a chip's integers, and the reference simulation."""

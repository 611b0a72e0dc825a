"""Solvers as numba kernels: a problem in, bits and an exact cost out. Not boards: no contract, no I/O, no markers."""

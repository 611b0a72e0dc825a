"""Solvers as numba kernels: a problem in, bits and an exact cost out. Not boards: no contract, no I/O, no markers.

Everything imports without numba; the first search compiles, or loads what an earlier process compiled.
"""

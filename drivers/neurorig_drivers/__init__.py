"""Drivers of boards and power monitors: the only place that knows pyvisa, pyserial, D-Wave and numba."""

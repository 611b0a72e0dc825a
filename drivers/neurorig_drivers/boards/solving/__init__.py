"""Boards whose DUT is this computer, CPU or GPU: what they have in common. Not a board: `host_cpu`, `host_gpu` are."""

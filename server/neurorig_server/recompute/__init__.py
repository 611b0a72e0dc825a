"""Recomputation of attempts from what was uploaded. Runs in worker processes and loads no SQL library."""

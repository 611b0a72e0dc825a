"""What all sides of neurorig agree on: records, rules and pure computations.

Not for input or output of any kind: nothing here opens a file, a socket or reads a clock.
"""

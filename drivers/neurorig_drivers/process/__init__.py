"""A driver in a child process: framed calls, time limits, and a child that cannot outlive its parent."""

"""Power monitor drivers, one module per instrument family."""

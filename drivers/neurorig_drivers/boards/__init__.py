"""Board drivers, one module or folder per board family."""

"""A lab without hardware. Everything in here is virtual; only the registry reaches it at run time."""

"""A lab without hardware. Everything in here is virtual; drivers never import it."""

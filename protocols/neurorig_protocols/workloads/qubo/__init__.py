"""Quadratic unconstrained binary optimisation: problems, NeuroBench's instances, file formats."""

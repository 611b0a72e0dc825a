"""Exact answers for small problems: what is found here is proven, not searched for. Not boards and not heuristics."""

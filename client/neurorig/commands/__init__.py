"""The client's own commands, one module per noun."""

"""What runs under Python 3.10 beside Lava; started by `main.py`. Imports numpy, scipy, Lava and `framing` only."""

"""`python -m neurorig` is the `neurorig` command."""

from __future__ import annotations

from neurorig.cli.main import main

if __name__ == "__main__":
    main()

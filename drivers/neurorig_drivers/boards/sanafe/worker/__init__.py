"""What runs inside SANA-FE's own environment: the standard library, numpy, PyYAML, sanafe, and `framing.py` of ours."""

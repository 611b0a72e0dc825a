"""The board driver of SANA-FE, a simulator of neuromorphic chips that is installed apart (GPL-3)."""

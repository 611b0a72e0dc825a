"""Handwritten digits through a small int8 network."""

"""Traces and uploaded files: staged while they arrive, checked, then kept by digest in an object store."""

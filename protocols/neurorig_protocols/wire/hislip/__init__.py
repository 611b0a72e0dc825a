"""HiSLIP (IVI-6.1) without input or output: bytes in, events out."""

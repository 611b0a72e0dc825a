"""IEEE 488.2, SCPI and HiSLIP without input or output: bytes in, events out."""

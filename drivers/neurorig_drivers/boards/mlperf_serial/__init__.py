"""The board driver for any MLPerf Tiny device on a serial port."""

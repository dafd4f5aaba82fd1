"""Values in, values out: no I/O, no clock, no third-party import."""

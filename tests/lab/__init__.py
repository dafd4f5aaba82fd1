"""The reference stack, for real: everything SignalCraft's infrastructure consists of, on one machine."""

"""Explicit rules from evidence to causes; one module per family."""

"""How to talk to a thing; no opinion on health."""

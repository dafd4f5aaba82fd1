"""The HTTP side: metrics, API, health."""

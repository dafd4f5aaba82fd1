"""What Prometheus gets to see: each look's lines rendered once, joined when somebody asks."""

from monitor.metrics.metrics import Metrics

__all__ = ["Metrics"]

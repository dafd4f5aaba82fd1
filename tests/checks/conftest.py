"""What the tests of several kinds share."""

from tests.sources.real_pm2 import pm2

__all__ = ["pm2"]

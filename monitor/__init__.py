"""infra-monitor: watches every link of Nginx, PM2 and RDS PostgreSQL, names the cause of a failure, sends one page."""

from typing import Final

__version__: Final = "0.1.0"

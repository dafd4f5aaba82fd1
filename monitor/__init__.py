"""infra-monitor: watches every link of Nginx, PM2 and RDS PostgreSQL, names the cause of a failure, sends one page."""

"""Grafana's dashboards as code: one module a dashboard; `python tools/dashboards` writes monitor/grafana/*.json."""

"""Gunicorn as SignalCraft runs it, with fewer workers."""

from __future__ import annotations

import os
from typing import Any

bind = f"127.0.0.1:{os.environ['PORT']}"
workers = 2
worker_class = "sync"
timeout = 120
max_requests = 1000
preload_app = True
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 — gunicorn names both
    """Each worker owns its connections: a socket shared over a fork would mix two conversations."""
    worker.app.wsgi().extensions["pool"].open()

"""Nginx's configuration, read without Nginx: the libraries for it lose whole files on valid blocks of Lua."""

from __future__ import annotations

import os

from monitor.sources.nginx_conf.derive import configuration
from monitor.sources.nginx_conf.files import read_tree
from monitor.sources.nginx_conf.lexer import Directive, Problem
from monitor.sources.nginx_conf.model import (
    AccessLog,
    Address,
    Certificate,
    Configuration,
    Listen,
    LogFormat,
    Peer,
    Route,
    SourceFile,
    StatusPage,
    Target,
    Upstream,
)

__all__ = [
    "AccessLog",
    "Address",
    "Certificate",
    "Configuration",
    "Directive",
    "Listen",
    "LogFormat",
    "Peer",
    "Problem",
    "Route",
    "SourceFile",
    "StatusPage",
    "Target",
    "Upstream",
    "read",
]


def read(path: str, *, prefix: str | None = None) -> Configuration:
    """Read it and all it includes. Never raises for what stands there. `prefix` is Nginx's `-p`; default: where the
    file is."""
    path = os.path.abspath(path)  # noqa: PTH100 — keeps symbolic links, as Nginx does
    return configuration(read_tree(path), prefix=prefix or os.path.dirname(path))  # noqa: PTH120 — same

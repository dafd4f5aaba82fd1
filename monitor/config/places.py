"""Where the daemon listens and keeps its state, as far as that can be said without the whole configuration."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LISTEN: Final = "127.0.0.1:10142"
_LAST_PORT: Final = 65535
_HOST_NAME: Final = re.compile(r"(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


def parse_listen(listen: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:10142`, `[::1]:10142` or `name:10142`. Raises ValueError with a text for people."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        raise ValueError("must be host:port, for example 127.0.0.1:10142 or [::1]:10142")
    if not host:
        raise ValueError(f"has no host; for every address of this machine write 0.0.0.0:{port}")
    if not 1 <= int(port[:6]) <= _LAST_PORT:
        raise ValueError("the port must be 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1]), int(port)
    if ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets: [{host}]:{port}")
    if not _HOST_NAME.fullmatch(host):
        raise ValueError("the host is neither an address nor a name")
    return host, int(port)


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError("what stands in brackets is not an IPv6 address") from None


def default_directory(environ: Mapping[str, str], *, root: bool | None = None) -> Path:
    """$STATE_DIRECTORY, else /var/lib/infra-monitor as root, else the XDG state directory.

    `root`: whether we are root; asked of the system unless said.
    """
    if given := environ.get("STATE_DIRECTORY", "").partition(":")[0]:  # systemd lists several, parted by colons
        return Path(given)
    if os.geteuid() == 0 if root is None else root:
        return Path("/var/lib/infra-monitor")
    xdg = environ.get("XDG_STATE_HOME", "")
    base = Path(xdg) if xdg.startswith("/") else Path(environ.get("HOME") or Path.home(), ".local", "state")
    return base / "infra-monitor"

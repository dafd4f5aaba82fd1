"""Does it answer? Asked as a customer would."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request


def answers(url: str, *, seconds: float = 3) -> bool:
    """A GET that ends well within the time."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def resolves(name: str) -> bool:
    """Whether it has an address now."""
    try:
        return bool(socket.getaddrinfo(name, None, socket.AF_INET))
    except socket.gaierror:
        return False

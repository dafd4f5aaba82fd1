"""Does it answer? Asked as a customer would."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request


def answers(url: str, *, seconds: float = 3) -> bool:
    """A GET that ends well within the time."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False

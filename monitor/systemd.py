"""What systemd wants to hear (sd_notify(3)), in eight lines and without a library."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """Send for example `READY=1`. Does nothing where systemd does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect(address)
        sock.sendall(message.encode())

"""Until when the server's certificate is valid: asked in a connection of its own, because libpq does not tell.

The handshake ends before any login, so it costs no connection slot; it is made hourly, beside a look, never inside it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import struct
from contextlib import suppress
from typing import Final

from monitor.sources.certificates import not_after

_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
_TIME_LIMIT: Final = 5.0
_GOODBYE_LIMIT: Final = 1.0
_FRESH_FOR: Final = 3600.0
_RETRY_AFTER: Final = 300.0


class CertificateWatch:
    """The end of validity, as last read. Reading it anew happens in the background and fails silently: a look that
    succeeds has already shown that the server is well."""

    def __init__(self) -> None:
        self.expires_at: float | None = None
        self._next_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    def refresh(self, host: str, address: str, port: int) -> None:
        """Read it if it is time to. Returns at once."""
        now = asyncio.get_running_loop().time()
        if now < self._next_at or (self._reading is not None and not self._reading.done()):
            return
        self._next_at = now + _RETRY_AFTER
        self._reading = asyncio.create_task(self._read(host, address, port), name="server certificate")

    async def settle(self, *, at_most: float) -> None:
        """Wait for a reading in progress, but only when nothing is known yet (the first look)."""
        if self.expires_at is None and self._reading is not None and not self._reading.done():
            await asyncio.wait((self._reading,), timeout=at_most)

    async def close(self) -> None:
        """Give up a reading in progress."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))

    async def _read(self, host: str, address: str, port: int) -> None:
        with suppress(OSError, EOFError, ValueError, TimeoutError):
            async with asyncio.timeout(_TIME_LIMIT):
                self.expires_at = await read_expiry(host, address, port)
            self._next_at = asyncio.get_running_loop().time() + _FRESH_FOR


async def read_expiry(host: str, address: str, port: int) -> float | None:
    """Unix seconds; None where the server offers no TLS. Raises OSError, EOFError or ValueError; set a time limit."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(_SSL_REQUEST)
        if await reader.readexactly(1) != b"S":
            writer.close()
            return None
        # the date is wanted of any certificate; whether it can be trusted is judged by the login
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await writer.start_tls(context, server_hostname=None if _is_address(host) else host)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        expires_at = not_after(certificate or b"")
    except BaseException:
        writer.transport.abort()  # a goodbye may never end where the handshake did not
        raise
    await _say_goodbye(writer)
    return expires_at


async def _say_goodbye(writer: asyncio.StreamWriter) -> None:
    """With close_notify: an abort would leave a line in the server's log each time."""
    writer.close()
    try:
        async with asyncio.timeout(_GOODBYE_LIMIT):
            await writer.wait_closed()
    except OSError:  # TimeoutError is one
        writer.transport.abort()


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False

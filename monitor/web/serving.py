"""Who answers on the listening socket."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import Final

from aiohttp import web

HANDSHAKE_SECONDS: Final = 10.0


class CannotListen(Exception):  # noqa: N818 — it is an answer for the operator
    """One clear line: what is in the way and how to mend it."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises CannotListen with what is in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "the port is taken, perhaps by another infra-monitor; stop that or change web.listen in config.yaml"
        elif error.errno == errno.EACCES:
            why = "this user may not use the port; choose one above 1023 as web.listen in config.yaml"
        else:
            why = f"{error.strerror or error}; correct web.listen in config.yaml"
        raise CannotListen(f"cannot listen on {host}:{port}: {why}") from error


def address_of(listener: socket.socket, *, tls: bool) -> str:
    """The address under which it is reached."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Serving:
    """One application on one socket; TLS can be exchanged without a moment in which nobody listens."""

    def __init__(self, app: web.Application, listener: socket.socket, *, drain_seconds: float) -> None:
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=drain_seconds)
        self._listener = listener
        self._server: asyncio.Server | None = None

    @property
    def is_listening(self) -> bool:
        """Whether new connections are taken."""
        return self._server is not None and self._server.is_serving()

    async def use(self, context: ssl.SSLContext | None) -> None:
        """From the next connection on with this; those that stand go on as they are."""
        if self._runner.server is None:
            await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 — setup() makes it
        timeout = HANDSHAKE_SECONDS if context else None
        server = await asyncio.get_running_loop().create_server(
            self._runner.server, sock=self._listener.dup(), ssl=context, ssl_handshake_timeout=timeout
        )
        before, self._server = self._server, server
        if before:
            before.close()

    async def close(self) -> None:
        """Take no more connections, and let the answers under way end."""
        if self._server:
            self._server.close()
        await self._runner.cleanup()

"""Another database server: the lab's own, behind an address that no setting of the product names."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

from tests.lab.places import HOST, LabError, Places

OLD_HOST = "127.0.0.2"


async def serve(places: Places) -> None:
    """Until killed; every connection is carried to the real one."""
    server = await asyncio.start_server(
        lambda *ends: _carry(places.postgres_port, *ends), OLD_HOST, places.postgres_port
    )
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


async def _carry(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        there_reader, there_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    if (found := Places.read(Path(sys.argv[1]))) is None:
        raise LabError(f"{sys.argv[1]}: no lab")
    asyncio.run(serve(found))

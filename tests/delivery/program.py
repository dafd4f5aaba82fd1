"""A monitor in small, to be killed: commits notice after notice, says so on stdout, and sends them by webhook.

`program.py DIRECTORY URL COUNT`: commits COUNT more than there are (0: none), then sends until nothing is owed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog
from pydantic import SecretStr

from monitor.core.model import Incident, Notice, NoticeKind, Severity, State, Status
from monitor.notify.webhook import WebhookChannel
from monitor.outbox import Outbox
from monitor.store import Outgoing, Store
from tests.delivery.receiver import posting


async def main(directory: Path, url: str, count: int) -> None:
    store = Store.open(directory)
    before = await store.load()
    async with posting() as post:
        outbox = Outbox(
            store=store,
            channels=[WebhookChannel(kind="webhook", url=SecretStr(url))] if url else [],
            post=post,
            language="en",
            url="http://127.0.0.1:10142",
            outcome=lambda *_: None,
        )
        await outbox.start()
        for _ in range(count):
            number = before.sequence + 1 if before else 1
            incident = Incident(f"inc-{number}", "rds", Severity.CRITICAL, float(number))
            after = State(incidents=(incident,), sequence=number)
            notice = Notice(NoticeKind.OPENED, incident, {"rds": Status.DOWN}, float(number))
            await store.commit(before, after, [Outgoing(notice, ("webhook",))])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            outbox.wake()
            before = after
        while url and (await store.backlog()).get("webhook"):
            await asyncio.sleep(0.01)
        await outbox.close()
    await store.close()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

"""The monitor inside another Python program: asked, ordered, listened to, and not harmed by who listens."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config.load import load
from monitor.core.model import AlertOpened, AlertResolved, Event
from monitor.core.step import UnknownId
from monitor.daemon import CannotStart, Daemon
from monitor.orders import Orders
from monitor.questions import Questions
from tests.daemon.running import environment, free_port
from tests.daemon.small import Hears, Peer, serving

pytestmark = pytest.mark.timeout(120)
ROOT = Path(__file__).parents[2]


def configured(directory: Path, peer: int, hears: str) -> Path:
    config = directory / "config.yaml"
    config.write_text(
        f'web: {{listen: "127.0.0.1:{free_port()}"}}\nstate: {{directory: state}}\n'
        f'services: {{rds: {{checks: [{{kind: tcp, address: "127.0.0.1:{peer}", every: 200ms}}]}}}}\n'
        f'notify: [{{kind: webhook, url: "{hears}/page"}}]\n'
    )
    return config


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(40):
        while not holds():
            await asyncio.sleep(0.02)


async def test_callbacks_hear_of_alerts_and_one_that_raises_or_hangs_harms_nobody(tmp_path: Path) -> None:
    peer, hears, release = Peer(), Hears(), threading.Event()
    heard, awaited, raised = list[Event](), list[Event](), list[Event]()

    def raises(event: Event) -> None:
        raised.append(event)
        raise RuntimeError("not ours")

    def hangs(_: Event) -> None:
        release.wait(100)

    async def hangs_too(_: Event) -> None:
        await asyncio.sleep(1_000)

    async def hears_too(event: Event) -> None:
        awaited.append(event)

    with serving(hears):
        daemon = Daemon(load(configured(tmp_path, peer.port, hears.url), {}), environ={})
        async with daemon.running() as monitoring:
            questions = Questions(monitoring)
            orders = Orders(monitoring, questions)
            for callback in (hangs, hangs_too, raises, heard.append, hears_too):
                monitoring.register(callback)
            with serving(peer):
                await until(lambda: questions.summary()["healthy_services"])
            await until(lambda: hears.told() == ["opened rds"])
            await until(lambda: any(isinstance(each, AlertOpened) for each in heard))
            (alert,) = await questions.alerts(service="rds", severity="critical")
            assert (await orders.acknowledge(alert["id"], by="ann"))["acknowledged_by"] == "ann"
            await orders.resolve(alert["id"], by="ann")
            await until(lambda: any(isinstance(each, AlertResolved) for each in awaited))
            await until(lambda: len(raised) == len(heard) == len(awaited))
            monitoring.remove(hears_too)
            before = len(awaited)
            await until(lambda: len(hears.told()) == 3)
            assert len(awaited) == before, "removed, it is called no more"
            with pytest.raises(UnknownId):
                await orders.resolve("alert-none", by="ann")
    release.set()
    assert hears.told() == ["opened rds", "resolved rds", "opened rds"]


async def test_what_stands_in_the_way_is_said_and_nothing_is_left_half_started(tmp_path: Path) -> None:
    config = configured(tmp_path, 1, "http://127.0.0.1:1")
    async with Daemon(load(config, {}), environ={}).running() as monitoring:
        assert (await Questions(monitoring).monitoring())["running"]
        with pytest.raises(CannotStart, match="the port is taken"):
            async with Daemon(load(config, {}), environ={}).running():
                raise AssertionError("it must not run")
    async with Daemon(load(config, {}), environ={}).running():
        pass


def test_the_program_of_the_documentation_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    configured(tmp_path, free_port(), "http://127.0.0.1:1")
    (tmp_path / "program.py").write_text(f"import asyncio\n{program}\nasyncio.run(main())\n")
    done = subprocess.run(
        [sys.executable, "program.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=environment({"PYTHONPATH": str(ROOT)}),
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\w+ \[.*\]$", done.stdout, re.MULTILINE)

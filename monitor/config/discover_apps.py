"""Which PM2 is meant, and which apps it has: by the running one, else by its dump, else by the ecosystem file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from monitor.config.discovered import App, Gap, Instances, Supervisor
from monitor.core.model import Message
from monitor.sources.ecosystem import PlannedApp, read_ecosystem
from monitor.sources.pm2 import Pm2Snapshot, Pm2Source, Pm2Unanswered, Pm2Unreadable
from monitor.sources.pm2_home import own_home, saved_apps
from monitor.sources.pm2_network import AppNetwork
from monitor.sources.processes import process_manager_homes

ANSWER_SECONDS: Final = 2.0
HEALTH_SECONDS: Final = 1.5
HEALTH_PATHS: Final = ("/health", "/healthz", "/api/health", "/")
"""Where applications say that they are well; the first that answers so is watched."""
_WELL: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class _Asked:
    home: Path
    apps: tuple[App, ...] = ()
    trouble: str = ""

    def is_in(self, directory: Path) -> bool:
        """Whether it runs something there."""
        return any(place.is_relative_to(directory) for each in self.apps for place in each.directories)


async def find_supervisor(directory: Path, environ: Mapping[str, str]) -> tuple[Supervisor, tuple[Gap, ...]]:
    """The PM2 that runs something in `directory`, else the only one that answers."""
    asked = await asyncio.gather(*(_ask(home, environ) for home in _homes(environ)))
    answered = [each for each in asked if not each.trouble]
    chosen = [each for each in answered if each.is_in(directory)] or answered
    if len(chosen) == 1:
        return Supervisor(home=chosen[0].home, apps=chosen[0].apps, running=True), ()
    if chosen:
        homes = ", ".join(str(each.home) for each in chosen)
        return Supervisor(), (_gap("pm2_several", homes=homes),)
    gaps = [_gap("pm2", home=str(each.home), why=each.trouble) for each in asked] or [_gap("pm2_none")]
    supervisor, source = _planned(directory, [each.home for each in asked])
    if not supervisor.apps:
        return supervisor, (*gaps, _gap("apps"))
    return supervisor, (*gaps, _gap("apps_planned", source=source))


async def with_health(apps: Iterable[App]) -> tuple[App, ...]:
    """Each with an address that says it is well, where there is one."""
    async with ClientSession(timeout=ClientTimeout(total=HEALTH_SECONDS)) as session:
        return tuple(await asyncio.gather(*(_health(session, each) for each in apps)))


def _gap(name: str, **values: str) -> Gap:
    return Gap(Message(f"init.gap.{name}", dict(values)), Message(f"init.todo.{name}", dict(values)))


def _homes(environ: Mapping[str, str]) -> list[Path]:
    """All that may be meant. One that is named is meant."""
    if environ.get("PM2_HOME"):
        return [Path(environ["PM2_HOME"])]
    own = own_home(environ)
    found = [own] if own is not None and os.path.lexists(own) else []
    return list(dict.fromkeys([*found, *map(Path, process_manager_homes())]))


async def _ask(home: Path, environ: Mapping[str, str]) -> _Asked:
    source = Pm2Source(home, environ)
    now = asyncio.get_running_loop().time()
    try:
        snapshot = await source.snapshot(now + ANSWER_SECONDS)
        networks = await asyncio.to_thread(source.find_networks, snapshot, now)
    except (Pm2Unanswered, Pm2Unreadable) as error:
        return _Asked(home, trouble=str(error))
    finally:
        await source.close()
    names = sorted({each.entry.name for each in snapshot.instances if each.entry.name})
    return _Asked(home, tuple(_app(name, snapshot, networks.get(name, AppNetwork())) for name in names))


def _app(name: str, snapshot: Pm2Snapshot, network: AppNetwork) -> App:
    instances = snapshot.of(name)
    places = (_working_directory(each.process.pid) for each in instances if each.process)
    return App(
        name=name,
        instances=_each_processor(len(instances)),
        ports=tuple(sorted(network.ports)),
        directories=tuple(dict.fromkeys(place for place in places if place is not None)),
        connected=network.connected,
    )


def _each_processor(count: int) -> Instances:
    """PM2 does not tell what its `max` has come to from a number that was written."""
    return "max" if count > 1 and count == os.cpu_count() else count


def _working_directory(pid: int) -> Path | None:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink()
    return None


def _planned(directory: Path, homes: list[Path]) -> tuple[Supervisor, str]:
    """What is written down, and where. Only one home can be meant where nobody answers."""
    home = homes[0] if len(homes) == 1 else None
    apps = saved_apps(home) if home else ()
    source = str(home / "dump.pm2") if home else ""
    if not apps:
        name, apps = read_ecosystem(directory)
        source = str(directory / name)
    return Supervisor(home=home, apps=tuple(_as_planned(each, directory) for each in apps)), source


def _as_planned(app: PlannedApp, directory: Path) -> App:
    return App(
        name=app.name,
        instances=app.instances,
        ports=(app.port,) if app.port else (),
        directories=(directory / app.directory,),
    )


async def _health(session: ClientSession, app: App) -> App:
    for port in app.ports:
        for path in HEALTH_PATHS:
            address = f"http://127.0.0.1:{port}{path}"
            with suppress(ClientError, OSError, ValueError):  # a timeout is one
                async with session.get(address, allow_redirects=False) as answer:
                    if answer.status in _WELL:
                        return replace(app, health=address)
    return app

"""Find out what `config.yaml` should say: `.env`, PM2 and its apps, Nginx, the database, and AWS around it.

Everything is only read, nothing that was found is run, and no password is kept in what comes back except in the
database's own settings.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from monitor.config.discover_apps import find_supervisor, with_health
from monitor.config.discovered import App, Cloud, Found, Front, Gap
from monitor.config.environment import FileMistake, read_env_file
from monitor.core.model import Message
from monitor.database.settings import DatabaseConfig, NotConfigured
from monitor.sources.aws import Aws, AwsSilent
from monitor.sources.nginx_conf import Configuration
from monitor.sources.nginx_conf import read as read_nginx
from monitor.sources.nginx_processes import NginxMaster, masters
from monitor.sources.resolver import LookupFailed, Resolver

LOOKUP_SECONDS: Final = 1.5
AWS_SECONDS: Final = 4.0
USUAL_NGINX: Final = Path("/etc/nginx/nginx.conf")
_RDS_NAMES: Final = (".rds.amazonaws.com", ".rds.amazonaws.com.cn")
_BRIEFLY: Final = 3


async def discover(directory: Path, environ: Mapping[str, str]) -> Found:
    """What there is around the product in `directory`. Over in some seconds, whatever stays silent."""
    supervisor, gaps = await find_supervisor(directory, environ)
    env_file, values, more = await asyncio.to_thread(_settings, _places(directory, supervisor.apps))
    gaps += more
    around = {**values, **environ}
    database, more = _database(around, env_file)
    gaps += more
    front, more = await asyncio.to_thread(_front, supervisor.apps)
    gaps += more
    (cloud, notes, more), addresses, apps = await asyncio.gather(
        _cloud(database, around), _addresses(database), with_health(supervisor.apps)
    )
    gaps += (*more, *(_gap("health", app=each.name) for each in apps if each.ports and not each.health))
    apps = tuple(_wired(each, database, addresses, env_file) for each in apps)
    return Found(
        directory=directory,
        env_file=env_file,
        variables=frozenset(name for name, value in around.items() if value),
        database=database,
        supervisor=replace(supervisor, apps=apps),
        front=front,
        cloud=cloud,
        endpoint_url=_endpoint_url(around),
        behind_firewall=_is_of_rds(database) or (cloud is not None and cloud.endpoint is not None),
        notes=notes,
        gaps=gaps,
    )


def _gap(name: str, **values: str | int) -> Gap:
    return Gap(Message(f"init.gap.{name}", dict(values)), Message(f"init.todo.{name}", dict(values)))


def _places(directory: Path, apps: Iterable[App]) -> list[Path]:
    """Where a `.env` may be: with the product, with its apps, or one above them."""
    own = [place for each in apps for place in each.directories]
    return list(dict.fromkeys([directory, *own, *(place.parent for place in own)]))


def _settings(places: Iterable[Path]) -> tuple[Path | None, dict[str, str], tuple[Gap, ...]]:
    """The first `.env` there is; a line in it that is none is told by its number alone."""
    for place in places:
        path = place / ".env"
        if not os.path.lexists(path):
            continue
        try:
            values, mistakes = read_env_file(path, shown=str(path))
        except FileMistake as error:
            return path, {}, (_gap("env_unreadable", why=str(error)),)
        lines = ", ".join(str(each.line) for each in mistakes)
        return path, values, (_gap("env_lines", file=str(path), lines=lines),) if mistakes else ()
    return None, {}, (_gap("env", places=", ".join(map(str, places))),)


def _database(around: Mapping[str, str], env_file: Path | None) -> tuple[DatabaseConfig | None, tuple[Gap, ...]]:
    try:
        return DatabaseConfig.from_environment(around), ()
    except NotConfigured as error:
        why = error.why or ", ".join(error.missing)
        return None, (_gap("database", why=why, file=str(env_file or ".env")),)


async def _addresses(database: DatabaseConfig | None) -> tuple[str, ...]:
    if database is None or database.is_socket:
        return ()
    with closing(Resolver()) as resolver:
        try:
            return await resolver.resolve(database.host, deadline=asyncio.get_running_loop().time() + LOOKUP_SECONDS)
        except LookupFailed:
            return ()  # the first look says so


def _wired(app: App, database: DatabaseConfig | None, addresses: Iterable[str], env_file: Path | None) -> App:
    if database is None:
        return app
    ends = {f"{address}:{database.port}" for address in addresses}
    told = env_file is not None and any(place.is_relative_to(env_file.parent) for place in app.directories)
    return replace(app, uses_database=told or bool(ends.intersection(app.connected)))


def _front(apps: tuple[App, ...]) -> tuple[Front | None, tuple[Gap, ...]]:
    """The Nginx that leads to the apps, else the only one."""
    running = dict.fromkeys(_configured(each) for each in masters())
    candidates = list(running) or ([(str(USUAL_NGINX), None)] if os.path.lexists(USUAL_NGINX) else [])
    read = [(place, read_nginx(place[0], prefix=place[1])) for place in candidates]
    leading = [each for each in read if _behind(each[1], apps)] or read
    if not leading:
        return None, (_gap("nginx_none"),)
    if len(leading) > 1:
        return None, (_gap("nginx_several", files=", ".join(place[0] for place, _ in leading)),)
    (config, prefix), configuration = leading[0]
    unreadable = [f"{each.file}: {each.text}" for each in configuration.problems if each.unreadable]
    gaps: tuple[Gap, ...] = (_gap("nginx_unreadable", why="; ".join(unreadable[:_BRIEFLY])),) if unreadable else ()
    if apps and not _behind(configuration, apps):
        gaps += (_gap("nginx_elsewhere", config=config),)
    return Front(config=config, prefix=prefix, apps=_behind(configuration, apps)), gaps


def _configured(master: NginxMaster) -> tuple[str, str | None]:
    """What it was started with; the prefix where that is not the directory of the configuration."""
    config = os.path.join(master.prefix or "/etc/nginx", master.config or "nginx.conf")  # noqa: PTH118 — as Nginx does
    prefix = os.path.abspath(master.prefix) if master.prefix else None  # noqa: PTH100 — keeps symbolic links
    return config, None if prefix == os.path.dirname(config) else prefix  # noqa: PTH120 — same


def _behind(configuration: Configuration, apps: Iterable[App]) -> tuple[str, ...]:
    targets = (target for route in configuration.routes for target in route.targets)
    ports = {peer.address.port for target in targets for peer in target.peers}
    return tuple(each.name for each in apps if ports.intersection(each.ports))


def _is_of_rds(database: DatabaseConfig | None) -> bool:
    return database is not None and database.host.rstrip(".").lower().endswith(_RDS_NAMES)


def _endpoint_url(around: Mapping[str, str]) -> str | None:
    """Another address of AWS', as boto3 takes it; never one with a password in it."""
    url = around.get("AWS_ENDPOINT_URL", "")
    return url if url and "@" not in url and "?" not in url else None


async def _cloud(
    database: DatabaseConfig | None, around: Mapping[str, str]
) -> tuple[Cloud | None, tuple[Message, ...], tuple[Gap, ...]]:
    if database is None or database.is_socket:
        return None, (), ()
    try:
        found = await Aws(around).neighbours(database.host, deadline=asyncio.get_running_loop().time() + AWS_SECONDS)
    except AwsSilent as silent:
        return None, (), (_gap("aws", why=str(silent)),)
    gaps: tuple[Gap, ...] = () if found.groups else (_gap("groups"),)
    if found.trouble:
        gaps += (_gap("aws", why=found.trouble),)
    host, cloud = database.host.rstrip(".").lower(), Cloud(region=found.region, groups=found.groups)
    if host in found.databases or _is_of_rds(database) or found.trouble:
        return cloud, (), gaps
    alike = [name for name, port in found.databases.items() if port == database.port]
    if len(alike) != 1:
        return cloud, (), (*gaps, _gap("endpoint", host=database.host, region=found.region))
    note = Message("init.note.endpoint", {"endpoint": alike[0], "host": database.host, "port": database.port})
    return replace(cloud, endpoint=alike[0]), (note,), gaps

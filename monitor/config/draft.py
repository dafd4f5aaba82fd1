"""From what was found to the text of a commented config.yaml, in which secrets are only named: `${NAME}`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from monitor.config.discovered import App, Found
from monitor.core.model import Message
from monitor.locale import speak

WIDTH: Final = 116
_PLAIN: Final = re.compile(r"\.?[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan"})
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_NAME: Final = 60
_RESERVED: Final = ("rds", "rds-firewall", "pm2", "redis", "nginx", "host")
_CHANNELS: Final = (
    ("ALERT_WEBHOOK_URL", '{kind: webhook, url: "${ALERT_WEBHOOK_URL}", secret: "${ALERT_WEBHOOK_SECRET:-}"}'),
    ("SLACK_WEBHOOK_URL", '{kind: slack, url: "${SLACK_WEBHOOK_URL}"}'),
)
"""Where notices go by the variables that are usual for it."""


def draft(found: Found, *, beside: Path, language: str) -> str:
    """The text. `beside`: the directory it will stand in, to which its paths are relative where they lie below it."""
    return "\n".join(_Draft(found, beside, language).lines()) + "\n"


def quoted(text: str) -> str:
    """Any text as one scalar of YAML that comes back as it is: quoted where it must be, dollar signs doubled."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return '"' + "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in escaped) + '"'


class _Draft:
    def __init__(self, found: Found, beside: Path, language: str) -> None:
        self._found = found
        self._beside = beside
        self._language = language
        self._names = _service_names(found.supervisor.apps)

    def lines(self) -> Iterator[str]:
        yield from self._top()
        yield "services:"
        yield from self._database()
        yield from self._supervised()
        yield from self._around()
        yield from self._notify()
        yield from self._unknown()

    def _says(self, name: str, indent: int = 0, **values: str | int) -> Iterator[str]:
        return self._comment(Message(f"init.file.{name}", dict(values)), indent)

    def _comment(self, message: Message, indent: int, bullet: str = "") -> Iterator[str]:
        """Folded behind `# `, whatever other people's text is in it."""
        text = "".join(each if each.isprintable() else "�" for each in speak(message, self._language))
        first, more = " " * indent + f"# {bullet}", " " * indent + "# " + " " * len(bullet)
        yield from textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=more, break_on_hyphens=False)

    def _top(self) -> Iterator[str]:
        found = self._found
        yield from self._says("head")
        yield ""
        if found.env_file is not None:
            yield from self._says("env_file")
            yield f"env_file: {quoted(self._near(found.env_file))}"
        else:
            yield from self._says("no_env_file")
            yield "# env_file: .env"
        yield ""
        yield f"language: {self._language}"
        yield "# timezone: Asia/Seoul"
        yield "web:"
        yield "  listen: 127.0.0.1:10142"
        if found.cloud is not None:
            yield "aws:"
            yield f"  region: {quoted(found.cloud.region)}"
            if found.endpoint_url:
                yield f"  endpoint_url: {quoted(found.endpoint_url)}"
        yield ""

    def _database(self) -> Iterator[str]:
        found = self._found
        yield from self._says("rds", 2)
        yield "  rds:"
        yield "    checks:"
        yield "      - {kind: rds, every: 15s, timeout: 10s}"
        yield ""
        yield from self._says("firewall" if found.behind_firewall else "no_firewall", 2)
        mark = "" if found.behind_firewall else "# "
        yield f"  {mark}rds-firewall:"
        yield f"  {mark}  checks:"
        cloud = found.cloud
        more = [f"intended: [{', '.join(map(quoted, cloud.groups))}]"] if cloud and cloud.groups else []
        more += [f"endpoint: {quoted(cloud.endpoint)}"] if cloud and cloud.endpoint else []
        yield f"  {mark}    - {{{', '.join(['kind: security_group', 'every: 5m', 'database: rds', *more])}}}"
        yield ""

    def _supervised(self) -> Iterator[str]:
        supervisor = self._found.supervisor
        if supervisor.home is None and not supervisor.apps:
            return
        yield from self._says("pm2", 2)
        yield "  pm2:"
        yield "    checks:"
        yield f"      - {{kind: pm2{self._home()}}}"
        yield ""
        for app in supervisor.apps:
            yield from self._app(app)
            yield ""

    def _home(self) -> str:
        home = self._found.supervisor.home
        return f", home: {quoted(str(home))}" if home is not None else ""

    def _app(self, app: App) -> Iterator[str]:
        yield from self._says("app", 2)
        yield f"  {quoted(self._names[app.name])}:"
        if app.uses_database:
            yield "    depends_on: [rds]"
        yield "    checks:"
        instances = f", instances: {app.instances}" if app.instances is not None else ""
        name = quoted(app.name)
        yield f"      - {{kind: pm2, app: {name}{instances}{self._home()}}}"
        if app.health is not None:
            yield f"      - {{kind: http, url: {quoted(app.health)}}}"
        else:
            yield from self._says("no_health", 6)
            port = app.ports[0] if app.ports else 3000
            yield f'      # - {{kind: http, url: "http://127.0.0.1:{port}/health"}}'
        if not app.uses_database:
            yield from self._says("no_wiring", 6)
        else:
            yield from self._says("pool_max", 6)
        mark = "" if app.uses_database else "# "
        yield f"      {mark}- {{kind: wiring, app: {name}, database: rds{self._home()}}}"

    def _around(self) -> Iterator[str]:
        if "REDIS_HOST" in self._found.variables:
            yield "  redis:"
            yield "    checks:"
            yield '      - {kind: tcp, address: "${REDIS_HOST}:${REDIS_PORT:-6379}"}'
            yield ""
        yield from self._nginx()
        yield from self._says("host", 2)
        yield "  host:"
        yield "    checks:"
        yield "      - {kind: host}"
        yield ""

    def _nginx(self) -> Iterator[str]:
        front = self._found.front
        if front is None:
            return
        yield from self._says("nginx", 2)
        yield "  nginx:"
        if front.apps:
            yield f"    depends_on: [{', '.join(quoted(self._names[each]) for each in front.apps)}]"
        yield "    checks:"
        prefix = f", prefix: {quoted(front.prefix)}" if front.prefix else ""
        yield f"      - {{kind: nginx, config: {quoted(front.config)}{prefix}}}"
        yield ""

    def _notify(self) -> Iterator[str]:
        known = [channel for variable, channel in _CHANNELS if variable in self._found.variables]
        yield from self._says("notify" if known else "no_notify")
        mark = "" if known else "# "
        yield f"{mark}notify:"
        for channel in known or [channel for _, channel in _CHANNELS]:
            yield f"{mark}  - {channel}"

    def _unknown(self) -> Iterator[str]:
        if self._found.gaps:
            yield ""
            yield from self._says("unknown")
        for each in self._found.gaps:
            yield from self._comment(each.what, 0, "- ")
            yield from self._comment(each.todo, 0, "  → ")

    def _near(self, path: Path) -> str:
        return str(path.relative_to(self._beside) if path.is_relative_to(self._beside) else path)


def _service_names(apps: tuple[App, ...]) -> dict[str, str]:
    """A service's name may hold less than an app's; none is used twice."""
    found = dict[str, str]()
    for app in apps:
        name = plain = _NO_NAME.sub("-", app.name).strip("-")[:_LONGEST_NAME] or "app"
        number = 1
        while name in (*_RESERVED, *found.values()):
            number += 1
            name = f"{plain}-{number}"
        found[app.name] = name
    return found

"""From the tree of directives to upstreams, routes, certificates, status pages and logs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from monitor.sources.nginx_conf import values
from monitor.sources.nginx_conf.files import Tree
from monitor.sources.nginx_conf.lexer import Directive
from monitor.sources.nginx_conf.model import (
    AccessLog,
    Address,
    Certificate,
    Configuration,
    Listen,
    LogFormat,
    Peer,
    Route,
    StatusPage,
    Target,
    Upstream,
    is_plain,
)
from monitor.sources.nginx_conf.paths import path_of

_PASS: Final = {f"{each}_pass": each for each in ("proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached")}
_TLS_PORTS: Final = {"https": 443, "grpcs": 443}
_GUARDS: Final = frozenset({"deny", "auth_basic", "auth_request", "internal", "auth_jwt", "ssl_verify_client"})
_OWN_PATH: Final = ("$request_uri", "$uri", "$document_uri")
"""Variables that begin with a slash, so that the host ends before them."""


def configuration(tree: Tree, *, prefix: str) -> Configuration:
    """What a tree says. `prefix` is what relative paths of logs and of the pid file are relative to."""
    deriving = _Deriving(tree, prefix)
    main = tree.directives
    for each in main:
        if each.name in {"http", "stream"} and each.block:
            deriving.context(each.block, stream=each.name == "stream")
    deriving.logs(main)
    pid = _last(main, "pid")
    return Configuration(
        path=tree.root,
        upstreams=tuple(deriving.upstreams.values()),
        routes=tuple(deriving.routes),
        certificates=tuple(deriving.certificates),
        status_pages=tuple(deriving.status_pages),
        error_logs=tuple(dict.fromkeys(deriving.error_logs)),
        access_logs=tuple(dict.fromkeys(deriving.access_logs)),
        log_formats=deriving.log_formats,
        pid=os.path.join(prefix, pid) if pid else None,  # noqa: PTH118 — as Nginx writes it
        files=tuple(tree.files.values()),
        problems=tuple(tree.problems),
        digest=tree.digest,
        changed_at=tree.changed_at,
    )


@dataclass(slots=True)
class _Scope:
    """What a block inherits."""

    listens: tuple[Listen, ...] = ()
    names: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    guarded: bool = False
    stream: bool = False
    times: dict[str, float] = field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def within(self, block: Iterable[Directive]) -> _Scope:
        """The scope inside a block: its own settings over what was inherited."""
        inner = _Scope(
            self.listens,
            self.names,
            self.certificates,
            self.guarded,
            self.stream,
            dict(self.times),
            dict(self.values),
        )
        own_certificates = tuple(each.args[0] for each in block if each.name == "ssl_certificate" and each.args)
        inner.certificates = own_certificates or self.certificates
        for each in block:
            if each.name.endswith(("_read_timeout", "_connect_timeout", "_timeout")) and each.args:
                inner.times[each.name] = values.seconds(each.args[0], 60.0)
            elif each.name in _GUARDS and each.args != ("off",):
                inner.guarded = True
            elif each.name == "set" and len(each.args) > 1:
                inner.values[each.args[0].removeprefix("$")] = (each.args[1],)
            elif each.name == "if" and each.block:
                inner.add_values(each.block)
        return inner

    def add_values(self, block: Iterable[Directive]) -> None:
        """What is set under a condition may be, and what was there before may be too."""
        for each in block:
            if each.name == "set" and len(each.args) > 1:
                name = each.args[0].removeprefix("$")
                self.values[name] = (*self.values.get(name, ()), each.args[1])


class _Deriving:
    def __init__(self, tree: Tree, prefix: str) -> None:
        self._prefix = prefix
        self._directory = os.path.dirname(tree.root)  # noqa: PTH120 — as Nginx writes it
        self.upstreams = dict[tuple[str, bool], Upstream]()
        self.routes = list[Route]()
        self.certificates = list[Certificate]()
        self.status_pages = list[StatusPage]()
        self.error_logs = list[str]()
        self.access_logs = list[AccessLog]()
        self.log_formats = dict[str, LogFormat]()

    def context(self, block: tuple[Directive, ...], *, stream: bool) -> None:
        """`http` or `stream`. Groups first: they may stand below those who name them."""
        for each in block:
            if each.name == "upstream" and each.args and each.block is not None:
                group = _group(each, stream=stream)
                self.upstreams[group.name.lower(), stream] = group
        scope = _Scope(stream=stream, values=values.mapped(block)).within(block)
        for each in block:
            if each.name == "server" and each.block is not None:
                self._server(each, scope)
        self.logs(block)

    def logs(self, block: Iterable[Directive]) -> None:
        """Where this block, but none within it, writes."""
        for each in block:
            if each.name == "error_log" and each.args and (path := self._log_path(each.args[0])):
                self.error_logs.append(path)
            elif each.name == "access_log" and each.args and (path := self._log_path(each.args[0])):
                written = [arg for arg in each.args[1:] if "=" not in arg]
                self.access_logs.append(AccessLog(path, written[0] if written else "combined"))
            elif each.name == "log_format" and len(each.args) > 1:
                name, *parts = each.args
                escape = parts.pop(0).removeprefix("escape=") if parts[0].startswith("escape=") else "default"
                self.log_formats[name] = LogFormat(name, escape, "".join(parts))

    def _log_path(self, written: str) -> str | None:
        if written in {"off", "stderr", "/dev/null"} or written.startswith(("syslog:", "memory:")) or "$" in written:
            return None
        return os.path.join(self._prefix, written)  # noqa: PTH118 — as Nginx writes it

    def _server(self, server: Directive, http: _Scope) -> None:
        block = server.block or ()
        scope = http.within(block)
        tls = any(each.name == "ssl" and each.args == ("on",) for each in block)
        found = [values.listen(each, tls=tls) for each in block if each.name == "listen"]
        usable = tuple(each for each in found if each is not None)
        scope.listens = usable or (() if found else (Listen(Address(port=80), tls=tls),))
        scope.names = tuple(name for each in block if each.name == "server_name" for name in each.args)
        self.logs(block)
        self._certify(scope)
        before = len(self.routes)
        self._locations(server, "/" if not scope.stream else "", scope, path="/")
        if len(self.routes) == before and not scope.stream:
            self.routes.append(_route(server, "/", scope, path=None))

    def _certify(self, scope: _Scope) -> None:
        secure = tuple(each for each in scope.listens if each.tls and not each.quic)
        if not secure:
            return
        names = tuple(name for name in scope.names if is_plain(name))
        for written in scope.certificates or ("",):
            is_file = written and "$" not in written and not written.startswith(("data:", "engine:"))
            path = os.path.join(self._directory, written) if is_file else ""  # noqa: PTH118 — as Nginx writes it
            self.certificates.append(Certificate(path, names, secure))

    def _locations(self, block: Directive, location: str, scope: _Scope, *, path: str | None) -> None:
        """The routes of a server or location itself, then of the locations within."""
        for each in block.block or ():
            if each.name in _PASS and each.args and each.block is None:
                self._passes(each, location, scope, path=path)
            elif each.name == "return" and each.args and block.name in {"server", "location"}:
                self._returns(each, location, scope, path=path)
            elif each.name == "stub_status" and path is not None:
                self.status_pages.append(StatusPage(scope.listens, _host(scope.names), path, scope.guarded))
            elif each.name in {"if", "limit_except"} and each.block:
                self._locations(each, location, scope, path=path)
            elif each.name == "location" and each.block is not None:
                inner = scope.within(each.block)
                self.logs(each.block)
                self._locations(each, " ".join(each.args), inner, path=path_of(each.args))

    def _returns(self, directive: Directive, location: str, scope: _Scope, *, path: str | None) -> None:
        """`return 301 https://…`, `return https://…`; 444 hangs up, which cannot be told from a failure."""
        code = directive.args[0]
        status = int(code) if code.isascii() and code.isdigit() and len(code) == len("200") else 302
        if status != 444:  # noqa: PLR2004 — Nginx's own code
            self.routes.append(_route(directive, location, scope, path=path, returns=status))

    def _passes(self, directive: Directive, location: str, scope: _Scope, *, path: str | None) -> None:
        kind = _PASS[directive.name]
        targets, dynamic = list[Target](), False
        scheme, written, uri = _split(directive.args[0], kind, stream=scope.stream)
        found, dynamic = values.expanded(written, scope.values)
        for text in found:
            protocol, host, own_uri = _split(text, kind, stream=scope.stream) if "://" in text else (scheme, text, uri)
            target = self._target(protocol, host, own_uri, stream=scope.stream)
            if target is not None and target not in targets:
                targets.append(target)
        self.routes.append(
            _route(directive, location, scope, path=path, kind=kind, targets=tuple(targets), dynamic=dynamic)
        )

    def _target(self, protocol: str, host: str, uri: str | None, *, stream: bool) -> Target | None:
        group = self.upstreams.get((host.lower(), stream))
        if group is not None:
            return Target(protocol, group.name, () if group.placeholder else group.peers, uri, grouped=True)
        where = values.address(host, _TLS_PORTS.get(protocol, 11211 if protocol == "memcached" else 80))
        return Target(protocol, host, (Peer(where, max_fails=0),), uri) if host and where is not None else None


def _group(directive: Directive, *, stream: bool) -> Upstream:
    block = directive.block or ()
    found = [values.peer(each, default_port=0 if stream else 80) for each in block if each.name == "server"]
    placeholder = any(each.name.startswith("balancer_by_lua") for each in block)
    return Upstream(directive.args[0], tuple(each for each in found if each is not None), placeholder)


def _split(written: str, kind: str, *, stream: bool) -> tuple[str, str, str | None]:
    """`https://host:1/uri` → https, host:1, /uri. Only proxy_pass and grpc_pass have a scheme."""
    if stream:
        return "tcp", written, None
    scheme, found, rest = written.partition("://")
    if not found:
        return ("http" if kind == "proxy" else kind), written, None
    for variable in _OWN_PATH:
        rest = rest.replace(variable, "/" + variable)
    if rest.startswith("unix:"):
        socket, _, uri = rest[5:].partition(":")
        return scheme, f"unix:{socket}", uri or None
    host, slash, uri = rest.partition("/")
    return scheme, host, None if not slash or "$" in uri else slash + uri


def _route(
    directive: Directive,
    location: str,
    scope: _Scope,
    *,
    path: str | None,
    kind: str = "proxy",
    targets: tuple[Target, ...] = (),
    dynamic: bool = False,
    returns: int | None = None,
) -> Route:
    read = "proxy_timeout" if scope.stream else f"{kind}_read_timeout"
    return Route(
        listens=scope.listens,
        server_names=scope.names,
        location=location,
        path=None if scope.stream else path,
        targets=targets,
        dynamic=dynamic,
        returns=returns,
        guarded=scope.guarded,
        read_timeout=scope.times.get(read, 600.0 if scope.stream else 60.0),
        connect_timeout=scope.times.get(f"{kind}_connect_timeout", 60.0),
        stream=scope.stream,
        file=directive.file,
        line=directive.line,
    )


def _host(names: Iterable[str]) -> str:
    return next((name for name in names if is_plain(name)), "")


def _last(block: Iterable[Directive], name: str) -> str | None:
    found: Iterator[str] = (each.args[0] for each in block if each.name == name and each.args)
    return next(iter(reversed(list(found))), None)

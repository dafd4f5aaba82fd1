"""Would Nginx take the configuration on disk? `nginx -t` on a copy that needs no rights and touches nothing.

In the copy, keys are replaced by one that protects nothing, ports by sockets in its own directory, logs and temporary
files too; what Nginx says of a line of the copy is said of the line it was made from.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.sources.nginx_conf.files import Tree
from monitor.sources.nginx_conf.lexer import Directive
from monitor.sources.nginx_conf.values import address

_NOBODY: Final = 65534
_PROGRAMS: Final = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/nginx/sbin:/usr/local/openresty/nginx/sbin"
_PAIR: Final = Path(__file__).with_name("shadow.pem")
_DROPPED: Final = frozenset(
    {
        "pid", "user", "error_log", "lock_file", "ssl_password_file", "ssl_session_ticket_key", "ssl_stapling",
        "ssl_stapling_verify", "worker_cpu_affinity", "worker_rlimit_nofile", "worker_priority", "daemon", "access_log",
    }
)  # fmt: skip
_PAIRED: Final = re.compile(r"(?:\w+_)?ssl_certificate(?:_key)?")
_AUTHORITIES: Final = re.compile(r"(?:\w+_)?ssl_(?:trusted|client)_certificate")
_CONF_RELATIVE: Final = frozenset({"ssl_dhparam", "ssl_crl", "auth_basic_user_file", "js_import", "js_include"})
_TEMPORARY: Final = re.compile(r"\w+_(?:temp|cache)_path")
_DEFAULTS: Final = tuple(f"{each}_temp_path" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
_TCP_ONLY: Final = re.compile(r"(?:ipv6only|fastopen|setfib|so_keepalive)=.*|reuseport|deferred|quic")
_SAID: Final = re.compile(r"\[emerg\] \d+#\d+: (.*?)(?: in (\S+):(\d+))?$", re.MULTILINE)
_NO_RIGHTS: Final = "(13: Permission denied)"


@dataclass(frozen=True, slots=True)
class Trial:
    """What Nginx says of the configuration on disk. `valid` None: it could not be tried, and `text` says why."""

    valid: bool | None
    text: str = ""
    file: str = ""
    line: int = 0


async def try_out(tree: Tree, *, program: str | None, prefix: str | None, seconds: float = 10.0) -> Trial:
    """Run Nginx on a copy. `prefix` is that of the Nginx that runs; default: the one that it was built with."""
    nginx = shutil.which(program or "nginx", path=f"{os.environ.get('PATH', os.defpath)}:{_PROGRAMS}")
    if nginx is None:
        return Trial(None, "there is no nginx program to try it with")
    directory = await asyncio.to_thread(tempfile.mkdtemp, prefix="infra-monitor-nginx-")
    try:
        copy = await asyncio.to_thread(_write, tree, Path(directory))
        command = [nginx, "-t", "-q", "-e", "stderr", "-c", f"{directory}/nginx.conf"]
        said = await _run([*command, "-p", prefix] if prefix else command, seconds)
    except (OSError, TimeoutError) as error:
        return Trial(None, f"it could not be tried: {getattr(error, 'strerror', None) or 'it took too long'}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return copy.verdict(said)


async def _run(command: list[str], seconds: float) -> str:
    """What it says to stderr; empty if it has no objection. As root, it is run as nobody."""
    user = _NOBODY if os.geteuid() == 0 else None
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath},
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    try:
        async with asyncio.timeout(seconds):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
    return said.decode("utf-8", "replace") if process.returncode else ""


def _write(tree: Tree, directory: Path) -> Copy:
    copy = Copy(tree, directory)
    shutil.copy(_PAIR, directory / "pair.pem")
    (directory / "nginx.conf").write_text(copy.text, encoding="utf-8", errors="surrogateescape", newline="")
    if os.geteuid() == 0:
        for each in (directory, *directory.iterdir()):
            os.chown(each, _NOBODY, _NOBODY)
    return copy


class Copy:
    """The copy's text, and from which line each of its lines was made."""

    def __init__(self, tree: Tree, directory: Path) -> None:
        self._tree = tree
        self._directory = directory
        self._conf_directory = os.path.dirname(tree.root)  # noqa: PTH120 — as Nginx writes it
        self._parts = list[str]()
        self._origins = list[Directive]()
        self._paths = dict[str, str]()
        self._emit_own(f"pid {directory}/nginx.pid; error_log stderr;")
        self._emit(tree.directives, "main")
        self.text = "".join(self._parts)

    def verdict(self, said: str) -> Trial:
        """What Nginx said of the copy, said of the original."""
        if not said:
            return Trial(True)
        found = _SAID.search(said)
        if found is None or _NO_RIGHTS in found[1]:
            return Trial(None, f"it could not be tried: {found[1] if found else said.strip()[:200]}")
        text = found[1].replace(str(self._directory), self._conf_directory)
        if found[3] and found[2].startswith(str(self._directory)):
            origin = self._origins[min(int(found[3]), len(self._origins)) - 1]
            return Trial(False, text, origin.file, origin.line)
        return Trial(False, text, found[2] or "", int(found[3] or 0))

    def _line(self, text: str, origin: Directive) -> None:
        self._parts.append(text + "\n")
        self._origins += [origin] * (text.count("\n") + 1)

    def _emit_own(self, text: str) -> None:
        self._line(text, Directive("", (), self._tree.root, 1, None))

    def _emit(self, directives: Iterable[Directive], context: str) -> None:
        for each in directives:
            if each.name in _DROPPED and context not in {"types", "map", "geo"}:
                continue
            words = " ".join(map(_quoted, (each.name, *self._arguments(each, context))))
            if each.name.endswith("_by_lua_block"):
                self._line(f"{each.name} {' '.join(each.args)} {{}}", each)
            elif each.block is None:
                self._line(f"{words};", each)
            else:
                self._line(f"{words} {{", each)
                if each.name == "http" and context == "main":
                    self._emit_temporary(each.block)
                self._emit(each.block, each.name)
                self._line("}", each)

    def _emit_temporary(self, block: tuple[Directive, ...]) -> None:
        present = {each.name for each in block}
        for name in _DEFAULTS:
            if name not in present:
                self._emit_own(f"{name} {self._directory}/{name};")
        self._emit_own("access_log off;")

    def _arguments(self, directive: Directive, context: str) -> tuple[str, ...]:
        name, args = directive.name, directive.args
        if not args or context in {"types", "map", "geo", "split_clients"}:
            return args
        if name == "listen":
            return self._listen(args)
        if _AUTHORITIES.fullmatch(name) or (_PAIRED.fullmatch(name) and "$" not in args[0]):
            return (f"{self._directory}/pair.pem", *args[1:])
        if _TEMPORARY.fullmatch(name) and args[0] != "off":
            path = self._paths.setdefault(args[0], f"{self._directory}/path{len(self._paths)}")
            return (path, *args[1:])
        if name in _CONF_RELATIVE and "$" not in args[0]:
            return (*args[:-1], os.path.join(self._conf_directory, args[-1]))  # noqa: PTH118 — as Nginx does
        return args

    def _listen(self, args: tuple[str, ...]) -> tuple[str, ...]:
        """The same address is the same socket, however it is written; one that is none is left for Nginx to refuse."""
        where = address(args[0], 80)
        if where is None:
            return args
        path = self._paths.setdefault(f"listen {where}", f"{self._directory}/s{len(self._paths)}")
        return (f"unix:{path}", *(each for each in args[1:] if not _TCP_ONLY.fullmatch(each)))


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

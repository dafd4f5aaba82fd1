"""Which blocks stand where: as much of Nginx's grammar as a forgotten semicolon or brace runs against.

Only where it is certain. Inside a block that we do not know, a module of somebody else decides.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.sources.nginx_conf.lexer import Directive

MAIN: Final = "main"
CUSTOM: Final = frozenset({"types", "map", "geo", "split_clients", "charset_map"})
"""Blocks of pairs, not of directives."""

_WITH_SERVERS: Final = frozenset({"http", "stream", "mail"})
_BLOCKS: Final[dict[str, frozenset[str]]] = {
    "events": frozenset({MAIN}),
    "http": frozenset({MAIN}),
    "stream": frozenset({MAIN}),
    "mail": frozenset({MAIN}),
    "server": _WITH_SERVERS,
    "upstream": frozenset({"http", "stream"}),
    "location": frozenset({"server", "location"}),
    "if": frozenset({"server", "location"}),
    "limit_except": frozenset({"location", "if"}),
    "types": frozenset({"http", "server", "location"}),
    "map": frozenset({"http", "stream"}),
    "geo": frozenset({"http", "stream"}),
    "split_clients": frozenset({"http", "stream"}),
    "charset_map": frozenset({"http"}),
}
_SIMPLE: Final = re.compile(
    r"(?:listen|server_name|root|alias|index|try_files|return|rewrite|set|break|include|pid|user|env|load_module"
    r"|error_log|access_log|log_format|error_page|resolver|stub_status|sendfile|internal|default_type|allow|deny"
    r"|auth_basic\w*|auth_request|add_header|expires|daemon|master_process|pcre_jit|multi_accept|use|zone"
    r"|(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached|ssl|gzip|client|worker|keepalive|tcp|send|limit_req|limit_conn"
    r"|sub_filter|open_file_cache|server_names|server_tokens|types_hash|large_client|real_ip|set_real)(?:_\w+)?)"
)


def context_within(name: str, parent: str | None) -> str | None:
    """The context inside a block called `name`; None where we do not know what may stand."""
    return name if parent is not None and name in _BLOCKS else None


def misplaced(directive: Directive, context: str | None) -> str | None:
    """What Nginx would say against this directive in this context; None if nothing, or if we cannot tell."""
    if context is None:
        return None
    opens = directive.block is not None
    if context in CUSTOM:
        return 'unexpected "{"' if opens else None
    if directive.name == "server" and context == "upstream":
        return _unterminated(directive) if opens else None
    if directive.name in _BLOCKS:
        return _block(directive, context, opens=opens)
    if not opens or directive.name.endswith("_by_lua_block"):
        return None
    return _unterminated(directive) if _SIMPLE.fullmatch(directive.name) else None


def _block(directive: Directive, context: str, *, opens: bool) -> str | None:
    if context not in _BLOCKS[directive.name]:
        return f'"{directive.name}" directive is not allowed here'
    return None if opens else f'directive "{directive.name}" has no opening "{{"'


def _unterminated(directive: Directive) -> str:
    return f'directive "{directive.name}" is not terminated by ";"'

"""TLS and users of the HTTP side, ready to be used."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.config.web_config import TlsConfig, WebSettings, headers_of

REMEMBERED: Final = 100
"""Logins whose bcrypt is not computed again. Each costs a tenth of a second of a processor."""
_AT_ONCE: Final = 2
_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_CLIENTS: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class NotSecure(Exception):  # noqa: N818 — it is an answer for the operator
    """A certificate or key cannot be used; one clear line."""


class Users:
    """Names with the bcrypt of their passwords."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = {name: value.encode() for name, value in hashes.items()}
        self._secret = secrets.token_bytes(32)
        self._known: dict[bytes, None] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    async def admits(self, name: str, password: str) -> bool:
        """Whether that is a user's password. An unknown name takes as long as a known one."""
        stored = self._hashes.get(name)
        against = stored or next(iter(self._hashes.values()))
        key = self._key(name.encode(), against, password.encode())
        if stored and key in self._known:
            return True
        async with self._slots:
            good = await asyncio.to_thread(_is_password, password.encode(), against)
        if not (good and stored):
            return False
        self._known[key] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return True

    def _key(self, *parts: bytes) -> bytes:
        """Of all that decides, each with its length, so that no two logins can be taken for each other
        (CVE-2022-46146), and under a secret, so that it tells nothing of the password."""
        text = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._secret, text, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Security:
    """How the HTTP side is protected; as a default, by nothing but the token for whoever writes."""

    context: ssl.SSLContext | None = None
    users: Users = field(default_factory=lambda: Users({}))
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: WebSettings) -> Security:
        """Certificates are read now. Raises NotSecure."""
        tls = settings.tls_server_config
        users = {name: value.get_secret_value() for name, value in settings.basic_auth_users.items()}
        return cls(_context(tls) if tls else None, Users(users), headers_of(settings))


def _context(tls: TlsConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    if tls.max_version:
        context.maximum_version = _VERSIONS[tls.max_version]
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.verify_mode = _CLIENTS[tls.client_auth_type]
    for file in (tls.cert_file, tls.key_file, tls.client_ca_file):
        try:
            if file:
                file.read_bytes()
        except OSError as error:
            raise NotSecure(f"{file}: cannot be read: {error.strerror or error}") from error
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise NotSecure(f"{tls.cert_file} with {tls.key_file}: cannot be used: {_said(error)}") from error
    if tls.client_ca_file:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (ssl.SSLError, OSError) as error:
            raise NotSecure(f"{tls.client_ca_file}: cannot be used: {_said(error)}") from error
    return context


def _no_password() -> str:
    """OpenSSL would ask for it on the terminal."""
    raise ValueError("the key is encrypted")


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return str(error)


def _is_password(password: bytes, stored: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 — only where there are users

    try:
        return bcrypt.checkpw(password, stored)
    except ValueError:  # longer than bcrypt takes, or with a NUL in it
        return False

"""Whom a command believes to be the daemon, and how it says who it is itself, where TLS is spoken."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Final

from monitor.cli.exits import USAGE
from monitor.cli.whereabouts import CannotAsk

CA_FILE: Final = "INFRA_MONITOR_CA_FILE"
CLIENT_CERT: Final = "INFRA_MONITOR_CLIENT_CERT"
_FIRST: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def context_for(
    url: str, *, ca_file: str | None, client_cert: str | None, certificate: Path | None
) -> ssl.SSLContext | None:
    """None without TLS. With a `ca_file`, whoever its authorities vouch for under the host's name is believed; else
    whoever shows the very `certificate` of the configuration, under any name, since commands ask by address; else
    whoever the machine's own authorities vouch for. Raises CannotAsk for a file that cannot be used."""
    if not url.startswith("https:"):
        return None
    pinned = _first_of(certificate) if certificate and not ca_file else None
    try:
        context = _pinned(pinned) if pinned else ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise _unusable(ca_file or str(certificate), f"--ca-file or ${CA_FILE}", error) from None
    if client_cert:
        try:
            context.load_cert_chain(client_cert, password=_no_password)
        except (OSError, ValueError) as error:
            raise _unusable(client_cert, f"--client-cert or ${CLIENT_CERT}", error) from None
    return context


def _first_of(path: Path) -> str | None:
    """The server's own of the chain in the file. None when it cannot be read: then others may vouch for it."""
    try:
        found = _FIRST.search(path.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return None
    return found[0] if found else None


def _pinned(certificate: str) -> ssl.SSLContext:
    """Only the holder of its key passes, so that the name matters no more. The others of a chain are left out: they
    could vouch for anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def _no_password() -> str:
    """OpenSSL would ask for it on the terminal."""
    raise ValueError("the key is encrypted")


def _unusable(file: str, named: str, error: Exception) -> CannotAsk:
    said = error.reason if isinstance(error, ssl.SSLError) and error.reason else getattr(error, "strerror", None)
    return CannotAsk(f"{file} cannot be used ({said or error}); it is what {named} names", USAGE)

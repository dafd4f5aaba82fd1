"""The certificates that Nginx serves: how long they last, whether they fit, whether they are those on disk."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from monitor.core.model import Finding, Message, Reading, Status
from monitor.sources.certificates import not_after
from monitor.sources.nginx_conf import Certificate

_END: Final = "-----END CERTIFICATE-----"


def on_disk(certificates: Iterable[Certificate]) -> dict[str, bytes]:
    """The leaf in each file that we may read, by the file's path. May hang with the disk."""
    found = dict[str, bytes]()
    for each in certificates:
        if not each.path:
            continue
        try:
            text = Path(each.path).read_text(encoding="ascii", errors="replace")
            leaf, end, _ = text[text.index("-----BEGIN CERTIFICATE-----") :].partition(_END)
            found[each.path] = ssl.PEM_cert_to_DER_cert(leaf + end)
        except (OSError, ValueError):
            continue
    return found


def readings(served: Mapping[str, bytes], now: float) -> Iterator[Reading]:
    """Until when each is good. `now` is the machine's clock, which certificates go by."""
    for name, certificate in served.items():
        try:
            ends = not_after(certificate)
        except ValueError:
            continue
        labels = {"server_name": name}
        yield Reading("certificate_expiry", ends, "seconds", labels)
        yield Reading("certificate_remaining", ends - now, "seconds", labels)


def findings(
    certificates: Iterable[Certificate], served: Mapping[str, bytes], files: Mapping[str, bytes]
) -> Iterator[Finding]:
    """A name that the certificate does not hold is worse than an old certificate."""
    by_name = dict[str, list[bytes | None]]()
    for each in certificates:
        by_name.setdefault(each.names[0] if each.names else "", []).append(files.get(each.path))
    for name, written in by_name.items():
        certificate = served.get(name)
        if certificate is None:
            continue
        if name and not _names(certificate, name):
            yield Finding(
                Status.WARNING, "certificate_wrong_name", Message("nginx.certificate_wrong_name", {"name": name})
            )
        elif certificate not in written and None not in written:
            message = Message("nginx.certificate_not_reloaded", {"name": name or "the default server"})
            yield Finding(Status.WARNING, "certificate_not_reloaded", message)


def _names(certificate: bytes, name: str) -> bool:
    """Names stand in a certificate as they are; it was not verified, so nothing has taken it apart for us."""
    parent = name.partition(".")[2]
    return name.encode() in certificate or (bool(parent) and f"*.{parent}".encode() in certificate)

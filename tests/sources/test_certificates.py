from __future__ import annotations

import ssl
import subprocess
import time
from pathlib import Path

import pytest

from monitor.sources.certificates import not_after


def certificate(directory: Path, *options: str) -> bytes:
    path = directory / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", directory / "key.pem", "-out", path, "-subj", "/CN=test", *options],
        check=True, capture_output=True,
    )  # fmt: skip
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@pytest.mark.parametrize("days", [1, 30, 365, 30_000], ids=lambda days: f"{days} days")
def test_the_end_of_validity(tmp_path: Path, days: int) -> None:
    """30,000 days end after 2050, where X.509 changes to years of four digits."""
    assert abs(not_after(certificate(tmp_path, "-days", str(days))) - (time.time() + days * 86400)) < 60


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    der = certificate(tmp_path, "-days", "1")
    for length in range(len(der)):
        with pytest.raises(ValueError, match=r"not an X\.509 certificate"):
            not_after(der[:length])


@pytest.mark.parametrize(
    "junk", [b"", b"0", b"\x30\x03\x02\x01\x01", b"HTTP/1.1 200 OK" * 20, b"\x30\x84\xff\xff\xff\xff"]
)
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an X\.509 certificate"):
        not_after(junk)

"""The pictures of README and docs, from the lab: `make screenshots`, or `python -m tests.browser.pictures DIR`."""

from __future__ import annotations

import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS
from tests.daemon.running import wait_for
from tests.daemon.watched import Watched, watching
from tests.lab.lab import Lab

USUAL: Final = Path("docs/images")
FAULT: Final = "sg-rule-revoked"
PAST_SECONDS: Final = 90.0
"""So that the charts have something to draw."""
DESKTOP, PHONE = (1280, 800), (390, 760)


def main(directory: Path) -> int:
    """0 when every picture stands in the directory."""
    if CHROMIUM is None:
        sys.stderr.write("screenshots: needs Debian's chromium; make setup installs it there\n")
        return 1
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, Lab(Path(place) / "lab") as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with watching(lab, log=Path(place) / "log") as watched:
            wait_for(watched.all_healthy)
            time.sleep(PAST_SECONDS)
            take(browser, watched, directory / "healthy.png", "/")
            take(browser, watched, directory / "service.png", "/services/rds")
            lab.break_(FAULT)
            incident = wait_for(lambda: _explained(watched))
            take(browser, watched, directory / "broken.png", "/")
            take(browser, watched, directory / "incident.png", f"/incidents/{incident}")
            take(browser, watched, directory / "firewall.png", "/firewall", scheme="dark")
            take(browser, watched, directory / "phone-ko.png", "/", language="ko", scheme="dark", size=PHONE)
        browser.close()
    return 0


def take(
    browser: Browser,
    watched: Watched,
    file: Path,
    path: str,
    *,
    language: str = "en",
    scheme: Any = "light",
    size: tuple[int, int] = DESKTOP,
) -> None:
    """One picture of what one sees without scrolling."""
    context = browser.new_context(locale=language, color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    answer = page.goto(watched.daemon.url + path)
    assert answer is not None
    assert answer.status == 200, path
    file.write_bytes(packed(page.screenshot()))
    context.close()
    sys.stdout.write(f"screenshots: {file} {file.stat().st_size / 1024:.0f} KiB\n")


def packed(png: bytes) -> bytes:
    """The same picture in fewer bytes: browsers compress in haste."""
    chunks = list(_chunks(png))
    pixels = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    head, end = chunks[0], chunks[-1]
    kept = [head, (b"IDAT", zlib.compress(pixels, 9)), end]
    written = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in kept
    )
    return png[:8] + b"".join(written)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += length + 12


def _explained(watched: Watched) -> str | None:
    """The id of the incident, once its cause is known."""
    found = watched.daemon.get("/api/v1/incidents")
    return next((each["id"] for each in found if each["cause"]), None)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else USUAL))

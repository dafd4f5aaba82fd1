"""How long a person waits for the first page of a daemon that just started: `python -m tests.bench.page`.

For each run a new daemon without a lab and a new browser profile; the time is the browser's own, from the beginning of
the request to the first contentful paint. The first request pays for jinja2, the templates and the catalogues.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS
from tests.daemon.small import small

RUNS = 10
_PAINT = """() => new Promise(resolve => new PerformanceObserver(found => {
  const paint = found.getEntries().find(each => each.name === "first-contentful-paint");
  if (paint) resolve(paint.startTime);
}).observe({type: "paint", buffered: true}))"""


def first_paint() -> tuple[float, float]:
    """Milliseconds: of the first page of a new daemon, and of its second in another new profile."""
    with tempfile.TemporaryDirectory() as directory, small(Path(directory)) as here, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        warm = browser.new_page()
        warm.goto("data:text/html,<p>the browser itself is warm")
        warm.close()
        found = []
        for _ in range(2):
            page = browser.new_context().new_page()
            page.goto(here.daemon.url)
            found.append(float(page.evaluate(_PAINT)))
        browser.close()
        return found[0], found[1]


def first_byte() -> float:
    """Milliseconds until the whole first page of a new daemon is there."""
    with tempfile.TemporaryDirectory() as directory, small(Path(directory)) as here:
        request = urllib.request.Request(here.daemon.url, headers={"Accept": "text/html"})
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
        return (time.perf_counter() - began) * 1000


def main() -> int:
    """Prints median and greatest."""
    paints = [first_paint() for _ in range(RUNS)]
    rows = {
        "first page, to first paint": [each[0] for each in paints],
        "second page, to first paint": [each[1] for each in paints],
        "first page, all of its HTML": [first_byte() for _ in range(RUNS)],
    }
    for name, values in rows.items():
        said = f"median {statistics.median(values):6.1f} ms   max {max(values):6.1f} ms   n={len(values)}"
        sys.stdout.write(f"{name:30} {said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a scrape costs, beside prometheus_client with the same series: `python -m tests.bench.metrics`.

Prints one line a size: seconds of our scrape and of `generate_latest` (best of several, so that a busy machine does not
decide), their ratio, the size of the answer and the resident memory that the series take.
"""

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from monitor.checks.base import Check, Env, Family
from monitor.core.model import Observation, Reading, Seen
from monitor.metrics import Metrics

READINGS = 50
FAMILIES = 10
ROUNDS = 15


class Shelf(Check):
    """50 series in 10 families, so that 20 of them are 1,000 series."""

    families: ClassVar[tuple[Family, ...]] = tuple(
        Family(f"r{n}", f"infra_shelf_r{n}_bytes", "gauge", "Something measured.") for n in range(FAMILIES)
    )
    kind: Literal["shelf"] = "shelf"

    async def look(self, env: Env) -> Seen:
        raise NotImplementedError


def look(service: str, turn: int) -> Observation:
    readings = tuple(
        Reading(f"r{n % FAMILIES}", n + turn + 0.5, "bytes", {"app": "signalcraft", "state": "idle", "n": str(n)})
        for n in range(READINGS)
    )
    return Observation(service, "shelf", 1.7e9 + turn, 0.01, Seen(readings))


def best(run: Callable[[int], object]) -> float:
    """The shortest of several runs, in seconds."""
    took = []
    for turn in range(ROUNDS):
        began = time.perf_counter()
        run(turn)
        took.append(time.perf_counter() - began)
    return min(took)


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def theirs(series: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    labels = ("service", "app", "state", "n")
    gauges = [Gauge(f"infra_shelf_r{n}_bytes", "Something measured.", labels, registry=registry) for n in range(10)]
    for shelf in range(series // READINGS):
        for n in range(READINGS):
            gauges[n % FAMILIES].labels(f"shelf-{shelf}", "signalcraft", "idle", str(n)).set(n + 0.5)
    return registry


def measure(series: int) -> None:
    services = [f"shelf-{n}" for n in range(series // READINGS)]
    looks = {turn: [look(service, turn) for service in services] for turn in range(ROUNDS)}
    before = resident()
    metrics = Metrics({service: (Shelf(),) for service in services}, "bench")
    for observation in looks[0]:
        metrics.looked(observation)
    metrics.render(None)
    memory = resident() - before

    def render_looks(turn: int) -> None:
        for observation in looks[turn]:
            metrics.looked(observation)

    def scrape_after_a_look(turn: int) -> None:
        metrics.looked(looks[turn][0])
        metrics.render(None)

    def compressed_after_a_look(turn: int) -> None:
        metrics.looked(looks[turn][0])
        metrics.render(None, compress=True)

    ours = best(scrape_after_a_look)
    registry = theirs(series)
    others = best(lambda _: generate_latest(registry))
    print(  # noqa: T201 — a bench prints
        f"series={series} ours={ours * 1000:.2f}ms again={best(lambda _: metrics.render(None)) * 1000:.2f}ms "
        f"gzip={best(compressed_after_a_look) * 1000:.2f}ms prometheus_client={others * 1000:.2f}ms "
        f"ratio=1/{others / ours:.0f} looks={best(render_looks) / len(services) * 1e6:.0f}us_each "
        f"body={len(metrics.render(None)[0]) / 1000:.0f}kB memory={memory / 1e6:.1f}MB"
    )


def main() -> None:
    for series in (1_000, 10_000):
        measure(series)


if __name__ == "__main__":
    main()

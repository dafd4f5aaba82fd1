"""What a day of history costs: `python -m tests.bench.history [--fast 40] [--slow 100] [--hours 24]`.

Writes what a daemon would write, in batches of ten seconds, into a history of its own, and prints bytes a sample and a
rollup, bytes a day, the processor's time, the slowest write, and how long a day of one series takes to read.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from monitor.history import FLUSH_SECONDS
from monitor.history_file import Batch, HistoryFile, Sample, Series

FAST_SECONDS, SLOW_SECONDS = 5.0, 15.0
BEGAN = 1_780_000_200.0
DAY = 86_400.0


def series_of(fast: int, slow: int) -> list[tuple[Series, float]]:
    """Each with its interval; names as long as real ones."""
    names = [(f"phase_duration{{phase={n}}}", FAST_SECONDS) for n in range(fast)]
    names += [(f"process_memory{{worker={n}}}", SLOW_SECONDS) for n in range(slow)]
    return [(Series("signalcraft-nodejs", "pm2", name, "seconds"), every) for name, every in names]


def batches(series: list[tuple[Series, float]], seconds: float) -> list[tuple[float, Batch]]:
    """What is written at which moments, from the beginning on."""
    chance = random.Random(1)
    made = []
    for n in range(int(seconds / FLUSH_SECONDS)):
        begins = BEGAN + n * FLUSH_SECONDS
        samples = [
            Sample(each, begins + at, chance.random())
            for each, every in series
            for at in (0.0, FAST_SECONDS)
            if (n * FLUSH_SECONDS + at) % every == 0
        ]
        made.append((begins + FLUSH_SECONDS, Batch(tuple(samples))))
    return made


def measure(fast: int, slow: int, hours: float) -> None:
    series = series_of(fast, slow)
    with tempfile.TemporaryDirectory() as directory:
        file = HistoryFile(Path(directory))
        empty = file.size().bytes
        slowest = spent = 0.0
        for hour in range(round(hours)):
            for now, batch in batches(series, 3600.0):
                later = hour * 3600.0
                moved = Batch(tuple(Sample(each.series, each.at + later, each.value) for each in batch.samples))
                began, cpu = time.perf_counter(), time.thread_time()
                file.write(moved, now + later)
                slowest = max(slowest, time.perf_counter() - began)
                spent += time.thread_time() - cpu
        size = file.size()
        began = time.perf_counter()
        points = len(file.full(series[0][0], BEGAN))
        reading = time.perf_counter() - began
        rolled = file._connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'rollups'").fetchone()[0]
        file.close()
    full = size.bytes - empty - rolled
    a_day = DAY / (hours * 3600.0)
    lines = (
        f"{size.series} series, {size.samples:,} samples and {size.rollups:,} rollups in {hours:g} h",
        f"full resolution: {full / size.samples:.1f} bytes a sample, {full * a_day / 1e6:.1f} MB a day",
        f"rollups: {rolled / size.rollups:.1f} bytes each, {rolled * a_day / 1e6:.2f} MB a day",
        f"writing: {spent * a_day:.0f} s of a processor a day, the slowest write took {slowest * 1e3:.0f} ms",
        f"reading {points:,} points: {reading * 1e3:.0f} ms",
    )
    print("\n".join(lines))  # noqa: T201 — a bench prints


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", type=int, default=40, help="series with a sample each 5 s")
    parser.add_argument("--slow", type=int, default=100, help="series with a sample each 15 s")
    parser.add_argument("--hours", type=float, default=24.0)
    given = parser.parse_args()
    measure(given.fast, given.slow, given.hours)

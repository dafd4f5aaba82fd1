"""What was measured and believed, kept for people to look back on. Losing it, or its disk, harms nothing else."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar

import structlog

from monitor.clock import Clock
from monitor.core.judge import series as named
from monitor.core.model import Blind, Incident, Input, Observation, Plan, Reading, State
from monitor.core.moments import moved
from monitor.core.slots import Slot, slots
from monitor.core.uptime import Availability, Stay, availability, shown
from monitor.history_file import Batch, HistoryFile, Past, Point, Sample, Series, Size
from monitor.pieces import Key, Unreadable, dump, load
from monitor.state_directory import StoreError

log = structlog.get_logger(__name__)

FLUSH_SECONDS: Final = 10.0
FORGET_SECONDS: Final = 600.0
MOST_WAITING: Final = 50_000
MOST_LABELLED: Final = 64
"""Labelled series kept of one check; one that has not come for an hour gives its place to another."""
PLACE_SECONDS: Final = 3_600.0
FULL_HOURS: Final = 24.0
MOST_HOURS: Final = 90 * 24.0
WINDOWS: Final = {"24h": 86_400.0, "7d": 7 * 86_400.0, "30d": 30 * 86_400.0}
FRESH_SECONDS: Final = 5.0
COUNT_SECONDS: Final = 60.0
_REST: Final = 10.0
"""What took long to read is believed for so many times as long."""
_ROUNDING_SECONDS: Final = 0.002

Resolution: TypeAlias = Literal["full", "5m"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Line:
    """One series over a time; without points when only names were asked for."""

    series: Series
    points: tuple[Point, ...] = ()


class History:
    """Takes in what happens at once, writes it every ten seconds in a thread of its own, and answers from the file.

    Inside, and in the file, times are by a steady clock, that of the start: a step of the machine's clock changes no
    more than what is added to them when somebody asks."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._file: HistoryFile | None = None
        self._samples: deque[Sample] = deque(maxlen=MOST_WAITING)
        self._stays: deque[Stay] = deque(maxlen=MOST_WAITING)
        self._past: dict[str, Past] = {}
        self._archived: set[str] = set()
        self._now_at: dict[str, Stay] = {}
        self._places: dict[tuple[str, str], dict[str, float]] = {}
        self._availability: tuple[float, dict[str, dict[str, Availability]]] | None = None
        self._slots: dict[tuple[float, ...], tuple[float, Mapping[str, tuple[Slot, ...]]]] = {}
        self._size: tuple[float, Size] | None = None
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._failed: str | None = None
        self._stepped = 0.0
        self.errors = 0
        """Reads and writes that failed."""
        self.dropped = 0
        """Samples that never reached the disk: too many waited for it."""

    @property
    def failed(self) -> str | None:
        """Why the last write failed; None when it did not."""
        return self._failed

    def start(self) -> None:
        """Write from now on."""
        self._writing = asyncio.create_task(self._write_now_and_then())

    async def close(self) -> None:
        """Write what waits, and let go of the file."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self.flush()
        if self._file:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._file.close)
        self._writer.shutdown()

    def move(self, by: float) -> None:
        """The clock was stepped: what is remembered keeps its distance from now. On the disk with the next write."""
        self._stepped = round(self._stepped + by, 3)

    def _steady(self, at: float | None = None) -> float:
        return round((self._clock.now() if at is None else at) - self._stepped, 3)

    def _shown(self, at: float) -> float:
        return round(at + self._stepped, 3)

    # Taking in ---------------------------------------------------------------------------------------------------

    def take(self, plan: Plan, state: State, news: Input, at: float) -> None:
        """What was just committed: the numbers of a look, the statuses as shown, the incidents that are over."""
        when = self._steady(at)
        if isinstance(news, Observation) and not isinstance(news.result, Blind):
            self._wait(tuple(self._worth_keeping(news, news.result.readings, when)))
        for name in plan.services:
            self._note_status(Stay(name, shown(state, name, at), when, when))
        for name in self._now_at.keys() - plan.services.keys():
            self._stays.append(replace(self._now_at.pop(name), ended=when))
        over = {incident.id: incident for incident in state.incidents if incident.resolved_at is not None}
        for incident_id in over.keys() - self._archived:
            self._past[incident_id] = self._archive(over[incident_id])
        self._archived = set(over)

    def _archive(self, incident: Incident) -> Past:
        ended = incident.opened_at if incident.resolved_at is None else incident.resolved_at
        return Past(incident.id, self._steady(incident.opened_at), self._steady(ended), dump(incident))

    def _worth_keeping(self, look: Observation, readings: tuple[Reading, ...], at: float) -> Iterator[Sample]:
        places = self._places.setdefault((look.service, look.check), {})
        for reading in readings:
            if not math.isfinite(reading.value):
                continue
            name = named(reading).encode(errors="replace").decode()  # names of files need not be UTF-8
            if not reading.labels or _has_place(places, name, at):
                yield Sample(Series(look.service, look.check, name, reading.unit), at, reading.value)

    def _note_status(self, stay: Stay) -> None:
        before = self._now_at.get(stay.service)
        if before is not None and before.status is stay.status:
            return
        if before is not None:
            self._stays.append(replace(before, ended=stay.began))
        self._now_at[stay.service] = stay

    def _wait(self, samples: tuple[Sample, ...]) -> None:
        """The oldest make room for them."""
        self.dropped += max(0, len(self._samples) + len(samples) - MOST_WAITING)
        self._samples.extend(samples)

    # Writing -----------------------------------------------------------------------------------------------------

    async def flush(self) -> None:
        """Write what waits. What cannot be written goes on waiting, the oldest is dropped when it becomes too much."""
        async with self._turn:
            now = self._steady()
            samples, stays, past = tuple(self._samples), tuple(self._stays), tuple(self._past.values())
            current = tuple(replace(stay, ended=now) for stay in self._now_at.values())
            batch = Batch(samples, (*stays, *current), past)
            try:
                await self._run(HistoryFile.write, batch, now, self._stepped)
            except StoreError as error:
                self._fails(str(error))
                return
            self._recovers()
            _drop(self._samples, samples)
            _drop(self._stays, stays)
            for incident in past:
                del self._past[incident.id]

    async def _write_now_and_then(self) -> None:
        forgot_at = -math.inf
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
            if self._clock.monotonic() - forgot_at >= FORGET_SECONDS and not self._failed:
                forgot_at = self._clock.monotonic()
                try:
                    await self._run(HistoryFile.forget, self._steady())
                except StoreError as error:
                    self._fails(str(error))

    def _fails(self, why: str) -> None:
        if self._failed is None:
            log.error("history.failed", error=why, consequence="alerts and notices are not affected")
        self._failed = why

    def _recovers(self) -> None:
        if self._failed is not None:
            log.info("history.recovered")
        self._failed = None

    # Answering ---------------------------------------------------------------------------------------------------

    async def lines(
        self,
        service: str,
        *,
        metric: str | Collection[str],
        hours: float,
        check: str | None = None,
        resolution: Resolution | None = None,
        buckets: int = 1,
    ) -> tuple[Line, ...]:
        """The series of that name (or those), or of that name with any labels. Full resolution goes back for a day.
        `buckets`: how many times five minutes are put together. Raises StoreError."""
        await self.flush()
        metrics = {metric} if isinstance(metric, str) else set(metric)
        since, stepped = self._steady() - hours * 3600, self._stepped
        full = (resolution or ("full" if hours <= FULL_HOURS else "5m")) == "full"

        def read(file: HistoryFile) -> tuple[Line, ...]:
            wanted = [
                each
                for each in file.series(service)
                if metrics & {each.metric, each.metric.partition("{")[0]} and check in (None, each.check)
            ]
            points = file.full if full else partial(file.rolled, buckets=buckets)
            return tuple(Line(each, _later(points(each, since), stepped)) for each in wanted)

        return await self._run(read)

    async def names(self, service: str) -> tuple[Series, ...]:
        """What can be asked for. Raises StoreError."""
        await self.flush()
        return await self._run(HistoryFile.series, service)

    async def availability(self) -> dict[str, dict[str, Availability]]:
        """Of every service over each of `WINDOWS`; a few seconds old at most. Raises StoreError."""
        now = self._steady()
        if self._availability is None or now - self._availability[0] >= FRESH_SECONDS:
            found = dict[str, list[Stay]]()
            for stay in await self._steady_stays(now - max(WINDOWS.values())):
                found.setdefault(stay.service, []).append(stay)
            answer = {
                service: {name: availability(each, since=now - width, until=now) for name, width in WINDOWS.items()}
                for service, each in found.items()
            }
            self._availability = now, answer
        return self._availability[1]

    async def slots(self, edges: tuple[float, ...]) -> Mapping[str, tuple[Slot, ...]]:
        """Every service's past between these edges; a few seconds old at most. Raises StoreError."""
        began = self._clock.monotonic()
        self._slots = {each: made for each, made in self._slots.items() if began < made[0]}
        if edges not in self._slots:
            now, steady = self._steady(), tuple(self._steady(edge) for edge in edges)
            waiting = (*self._stays, *(replace(each, ended=now) for each in self._now_at.values()))
            found = await self._run(_divided, waiting, steady)
            ended = self._clock.monotonic()
            self._slots[edges] = (
                ended + max(FRESH_SECONDS, _REST * (ended - began)),
                {
                    service: tuple(replace(each, began=edges[n], ended=edges[n + 1]) for n, each in enumerate(parts))
                    for service, parts in found.items()
                },
            )
        return self._slots[edges][1]

    async def stays(self, since: float) -> tuple[Stay, ...]:
        """Who was how from `since` on, oldest first, to this very moment. Raises StoreError."""
        found = await self._steady_stays(self._steady(since))
        return tuple(replace(each, began=self._shown(each.began), ended=self._shown(each.ended)) for each in found)

    async def _steady_stays(self, since: float) -> tuple[Stay, ...]:
        kept = {(stay.service, stay.began): stay for stay in await self._run(HistoryFile.stays, since)}
        now = self._steady()
        for stay in (*self._stays, *(replace(each, ended=now) for each in self._now_at.values())):
            kept[stay.service, stay.began] = stay
        return tuple(sorted(kept.values(), key=lambda each: (each.began, each.service)))

    async def incidents(self, since: float) -> tuple[Incident, ...]:
        """Those that ended after `since`, newest first. Raises StoreError."""
        await self.flush()
        found = await self._run(HistoryFile.incidents, self._steady(since))
        return tuple(incident for past in found if (incident := self._brought_back(past)) is not None)

    async def incident(self, name: str) -> Incident | None:
        """A past one by its id. Raises StoreError."""
        await self.flush()
        past = await self._run(HistoryFile.incident, name)
        return self._brought_back(past) if past else None

    def _brought_back(self, past: Past) -> Incident | None:
        """As it was written, but by the clock as it is now."""
        try:
            piece = load(Key("incident", past.id), past.body)
        except Unreadable as error:
            log.warning("history.unreadable", id=past.id, error=str(error))
            return None
        if not isinstance(piece, Incident):
            return None
        by = self._shown(past.resolved_at) - (piece.resolved_at or piece.opened_at)
        return moved(piece, by) if abs(by) > _ROUNDING_SECONDS else piece

    async def size(self) -> Size:
        """How much is kept, a minute old at most: it has to be counted. Raises StoreError."""
        now = self._steady()
        if self._size is None or now - self._size[0] >= COUNT_SECONDS:
            await self.flush()
            self._size = now, await self._run(HistoryFile.size)
        size = self._size[1]
        return replace(size, oldest=None if size.oldest is None else self._shown(size.oldest))

    async def _run(self, work: Callable[..., _T], *arguments: object) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, partial(self._work, work, *arguments))
        except StoreError:
            self.errors += 1
            raise
        except sqlite3.Error as error:
            self.errors += 1
            raise StoreError(f"the history in {self._directory} cannot be used: {error}") from error

    def _work(self, work: Callable[..., _T], *arguments: object) -> _T:
        """In the one thread. The file is opened by whoever comes first, and again when that failed."""
        if self._file is None:
            self._file = HistoryFile(self._directory)
            if self._file.aside:
                log.error("history.damaged", kept_as=str(self._file.aside), consequence="started a new one")
            if by := self._file.end_by(self._steady()):
                log.warning("history.moved", seconds=round(by, 3))
        return work(self._file, *arguments)


def _has_place(places: dict[str, float], name: str, at: float) -> bool:
    if name not in places and len(places) >= MOST_LABELLED:
        oldest = min(places, key=places.__getitem__)
        if at - places[oldest] < PLACE_SECONDS:
            return False
        del places[oldest]
    places[name] = at
    return True


def _later(points: tuple[Point, ...], by: float) -> tuple[Point, ...]:
    return tuple(replace(each, at=round(each.at + by, 3)) for each in points) if by else points


def _divided(file: HistoryFile, waiting: tuple[Stay, ...], edges: tuple[float, ...]) -> dict[str, tuple[Slot, ...]]:
    """In the one thread: a hundred thousand stays would hold up everybody else."""
    kept = {(stay.service, stay.began): stay for stay in (*file.stays(edges[0]), *waiting)}
    found = dict[str, list[Stay]]()
    for stay in kept.values():
        found.setdefault(stay.service, []).append(stay)
    return {service: slots(each, edges) for service, each in found.items()}


def _drop(waiting: deque[_T], written: tuple[_T, ...]) -> None:
    """Take what was written from the front; while it was, more may have come, and pushed some of it out."""
    for each in written:
        if waiting and waiting[0] is each:
            waiting.popleft()

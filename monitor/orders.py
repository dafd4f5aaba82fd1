"""The orders one can give the monitoring, by API, command line and Python alike; the answers are JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor import answers
from monitor.answers import Json
from monitor.core.model import (
    AcknowledgeAlert,
    AddMaintenance,
    AddRecurring,
    AddSilence,
    EndMaintenance,
    EndSilence,
    LookNow,
    LookWanted,
    ResolveAlert,
    Severity,
)
from monitor.questions import Questions
from monitor.recurrence import next_start
from monitor.service_monitoring import ServiceMonitoring

SHORTEST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 366 * 86_400.0
MOST: Final = 1_000
"""Silences, windows and rules are kept in memory and on every page; more than this is a program gone wild."""
MATCHED: Final = ("service", "severity", "cause")


class Senseless(ValueError):  # noqa: N818 — it is the answer to an order, not an error of ours
    """An order that cannot be meant like this, in words for people."""


class Orders:
    """Each order is on the disk when it returns. Raises Senseless, UnknownId for what does not exist, and StoreError
    when it cannot be kept; nothing has changed then."""

    def __init__(self, monitoring: ServiceMonitoring, questions: Questions) -> None:
        self._monitoring = monitoring
        self._questions = questions

    async def acknowledge(self, alert: str, *, by: str, note: str = "") -> Json:
        """Somebody is on it. The answer is the alert as it then is."""
        await self._monitoring.take(AcknowledgeAlert(alert, by, note))
        return self._questions.alert(alert)

    async def resolve(self, alert: str, *, by: str, note: str = "") -> Json:
        """It is over because somebody says so; the next failing look opens it again. The answer is the alert."""
        await self._monitoring.take(ResolveAlert(alert, by, note))
        return self._questions.alert(alert)

    async def silence(
        self,
        matchers: Mapping[str, str],
        *,
        by: str,
        seconds: float | None = None,
        until: float | None = None,
        starts: float | None = None,
        reason: str = "",
    ) -> Json:
        """Tell nobody of incidents that match every matcher, for or until a moment. The answer is the silence."""
        wrong = [name for name in matchers if name not in MATCHED]
        if wrong or not matchers:
            raise Senseless(f"matchers name one or more of {', '.join(MATCHED)}")
        if matchers.get("severity", Severity.INFO) not in list(Severity):
            raise Senseless(f"severity is one of {', '.join(Severity)}")
        if len(self._monitoring.state.silences) >= MOST:
            raise Senseless(f"there are {MOST} silences already; end some first")
        starts_at, ends_at = self._span(seconds, until, starts)
        await self._monitoring.take(AddSilence(dict(matchers), starts_at, ends_at, by, reason))
        return answers.silence(self._monitoring.state.silences[-1], self._monitoring.clock.now())

    async def end_silence(self, silence: str) -> None:
        """People are told again."""
        await self._monitoring.take(EndSilence(silence))

    async def maintain(
        self,
        service: str,
        *,
        by: str,
        seconds: float | None = None,
        until: float | None = None,
        starts: float | None = None,
        reason: str = "",
    ) -> Json:
        """Declare a service as being worked on, now or from a later moment. The answer is the window."""
        self._room()
        starts_at, ends_at = self._span(seconds, until, starts)
        await self._monitoring.take(AddMaintenance(service, starts_at, ends_at, by, reason))
        declared = [each for each in self._monitoring.state.maintenance if each.recurring is None][-1]
        return answers.maintenance(declared, self._monitoring.clock.now())

    async def maintain_again(
        self, service: str, *, cron: str, time_zone: str, seconds: float, by: str, reason: str = ""
    ) -> Json:
        """Have maintenance come back: windows of `seconds` that begin when `cron` says. The answer is the rule."""
        self._room()
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            raise Senseless("a window is a second to 366 days long")
        if next_start(cron, time_zone, self._monitoring.clock.now()) is None:
            raise Senseless(f"cron: {cron!r} never comes")
        await self._monitoring.take(AddRecurring(service, cron, time_zone, seconds, by, reason))
        state = self._monitoring.state
        return answers.recurring(state.recurring[-1], state, self._monitoring.clock.now())

    async def end_maintenance(self, maintenance: str) -> None:
        """The work is done. Of a rule, no window comes any more."""
        await self._monitoring.take(EndMaintenance(maintenance))

    async def look(self, service: str) -> Json:
        """Have every check of a service look at once. The answer says which."""
        events = await self._monitoring.take(LookNow(service))
        checks = [each.check for each in events if isinstance(each, LookWanted) and each.service == service]
        return {"service": service, "checks": checks, "wanted_at": answers.rfc3339(self._monitoring.clock.now())}

    def _span(self, seconds: float | None, until: float | None, starts: float | None) -> tuple[float, float]:
        now = self._monitoring.clock.now()
        starts_at = now if starts is None else starts
        if (seconds is None) == (until is None):
            raise Senseless("say either for how long or until when")
        ends_at = until if until is not None else starts_at + (seconds or 0.0)
        if not max(starts_at, now) + SHORTEST_SECONDS <= ends_at <= now + LONGEST_SECONDS:
            raise Senseless("it must end after it begins, and between a second and 366 days from now")
        return starts_at, ends_at

    def _room(self) -> None:
        state = self._monitoring.state
        if len(state.maintenance) + len(state.recurring) >= MOST:
            raise Senseless(f"there are {MOST} maintenance entries already; end some first")

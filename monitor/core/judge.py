"""From one observation and its thresholds to a verdict: what this look says by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, assert_never

from monitor.core import bounds
from monitor.core.durations import format_duration
from monitor.core.model import (
    Blind,
    Fact,
    Failed,
    Failure,
    Finding,
    Message,
    Observation,
    Reading,
    Seen,
    Settled,
    Severity,
    Status,
    Threshold,
    Trouble,
)

LOOK: Final = ""
"""The metric that stands for the look itself."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look says of each metric it can speak of; None is good news, a metric that is missing is no news.

    `certain` is the worst finding that asks for no grace: it counts even while `troubles[""]` is still in grace.
    `past` are the bounds that each number is past, whether that counts yet or not; the next one counts from `due` on.
    """

    troubles: Mapping[str, Trouble | None] = field(default_factory=dict)
    certain: Trouble | None = None
    blind_reason: str | None = None
    past: Mapping[str, Mapping[Severity, float]] = field(default_factory=dict)
    due: float | None = None


_NOTHING_KNOWN: Final = Settled()


def judge(
    observation: Observation, thresholds: Iterable[Threshold], known: Mapping[str, Settled] = MappingProxyType({})
) -> Verdict:
    """A look that failed speaks of itself and of what it still read; a blind one says nothing at all. `known` is what
    is believed of each metric: what a number has been past it is until it has recovered."""
    result = observation.result
    match result:
        case Blind(reason):
            return Verdict(blind_reason=reason)
        case Failed(failure, readings):
            worst = certain = _of_failure(failure)
        case Seen(readings, facts):
            worst, certain = _of_findings(facts)
        case _:
            assert_never(result)
    standings = _standings(readings, thresholds, known, observation.began)
    return Verdict(
        {LOOK: worst, **{name: _trouble(each) for name, each in standings.items()}},
        certain,
        past={name: each.past for name, each in standings.items() if each.past},
        due=min((each.due for each in standings.values() if each.due is not None), default=None),
    )


def _of_failure(failure: Failure) -> Trouble | None:
    words = Message("trouble.failed", {"phase": failure.phase, "text": failure.message})
    trouble = Trouble(LOOK, failure.status, failure.reason, words, phase=failure.phase)
    return trouble if failure.status.failing else None


def _of_findings(facts: Iterable[Fact]) -> tuple[Trouble | None, Trouble | None]:
    troubles = [
        Trouble(
            LOOK,
            fact.status,
            fact.reason,
            fact.message,
            grace_seconds=fact.grace_seconds,
            harmless=fact.harmless,
            of_dependency=fact.of_dependency,
        )
        for fact in facts
        if isinstance(fact, Finding) and fact.status.failing
    ]
    troubles.sort(key=lambda trouble: (-trouble.status.rank, trouble.grace_seconds))
    certain = next((trouble for trouble in troubles if not trouble.grace_seconds), None)
    return (troubles[0] if troubles else None), certain


def _standings(
    readings: Iterable[Reading], thresholds: Iterable[Threshold], known: Mapping[str, Settled], began: float
) -> dict[str, bounds.Standing]:
    """Where each number stands. The worst of several series of one name decides."""
    found: dict[str, list[Reading]] = {}
    for reading in readings:
        if not math.isnan(reading.value):
            found.setdefault(reading.name, []).append(reading)
    standings = {}
    for each in thresholds:
        if each.metric in found:
            worst = max(found[each.metric], key=lambda reading: bounds.badness(each, reading.value))
            for name, severities in bounds.tracks(each):
                past = known.get(name, _NOTHING_KNOWN).past
                standings[name] = bounds.stand(each, worst, severities, past=past, began=began)
    return standings


def _trouble(standing: bounds.Standing) -> Trouble | None:
    """What counts of it. A number on its way back, past the bound no longer but not yet well, is still trouble."""
    threshold, reading, severity = standing.threshold, standing.reading, standing.counts
    if severity is None:
        return None
    unit = threshold.unit or reading.unit
    limit = at = threshold.bound(severity) or 0.0
    key = f"trouble.{'below' if threshold.worse == 'below' else 'above'}"
    if not bounds.is_beyond(threshold, reading.value, at):
        key, limit = "trouble.recovering", threshold.recover[severity]
    return Trouble(
        bounds.track(threshold.metric, severity),
        Status.CRITICAL if severity is Severity.CRITICAL else Status.WARNING,
        "threshold",
        Message(
            key, {"metric": series(reading), "value": quantity(reading.value, unit), "limit": quantity(limit, unit)}
        ),
        value=reading.value,
        threshold=at,
        harmless=severity is Severity.INFO,
        severity=severity,
        lasted=severity in threshold.lasts,
    )


def series(reading: Reading) -> str:
    """A reading's name with its labels, as Prometheus writes them."""
    labels = ",".join(f'{key}="{value}"' for key, value in sorted(reading.labels.items()))
    return f"{reading.name}{{{labels}}}" if labels else reading.name


def quantity(value: float, unit: str) -> str:
    """A number with its unit, short enough to be read at night: `83 %`, `1m 30s`, `120 ms`, `1.5 GiB`."""
    match unit:
        case "ratio":
            return f"{value * 100:.4g} %"
        case "percent":
            return f"{value:.4g} %"
        case "seconds" if 0 <= value < 10:  # noqa: PLR2004 — from there on whole seconds are exact enough
            return f"{value * 1000:.0f} ms"
        case "seconds" if 0 <= value < math.inf:
            return format_duration(value)
        case "bytes":
            return _bytes(value)
        case _:
            return f"{value:.6g}"


def _bytes(value: float) -> str:
    step = 1024
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < step:
            return f"{value:.4g} {unit}"
        value /= step
    return f"{value:.4g} GiB"

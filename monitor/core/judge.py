"""From one observation and its thresholds to a verdict: what this look says by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

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
    """

    troubles: Mapping[str, Trouble | None] = field(default_factory=dict)
    certain: Trouble | None = None
    blind_reason: str | None = None


def judge(observation: Observation, thresholds: Iterable[Threshold]) -> Verdict:
    """A look that failed speaks of itself and of what it still read; a blind one says nothing at all."""
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
    return Verdict({LOOK: worst, **_of_readings(readings, thresholds)}, certain)


def _of_failure(failure: Failure) -> Trouble | None:
    words = Message("trouble.failed", {"phase": failure.phase, "text": failure.message})
    trouble = Trouble(LOOK, failure.status, failure.reason, words, phase=failure.phase)
    return trouble if failure.status.failing else None


def _of_findings(facts: Iterable[Fact]) -> tuple[Trouble | None, Trouble | None]:
    troubles = [
        Trouble(LOOK, fact.status, fact.reason, fact.message, grace_seconds=fact.grace_seconds, harmless=fact.harmless)
        for fact in facts
        if isinstance(fact, Finding) and fact.status.failing
    ]
    troubles.sort(key=lambda trouble: (-trouble.status.rank, trouble.grace_seconds))
    certain = next((trouble for trouble in troubles if not trouble.grace_seconds), None)
    return (troubles[0] if troubles else None), certain


def _of_readings(readings: Iterable[Reading], thresholds: Iterable[Threshold]) -> dict[str, Trouble | None]:
    known: dict[str, list[Reading]] = {}
    for reading in readings:
        if not math.isnan(reading.value):
            known.setdefault(reading.name, []).append(reading)
    return {each.metric: _against(each, known[each.metric]) for each in thresholds if each.metric in known}


def _against(threshold: Threshold, readings: list[Reading]) -> Trouble | None:
    """The worst of several series of one name decides."""
    sign = -1.0 if threshold.worse == "below" else 1.0
    worst = max(readings, key=lambda reading: sign * reading.value)
    for status, bound in ((Status.CRITICAL, threshold.critical), (Status.WARNING, threshold.warning)):
        if bound is not None and sign * worst.value >= sign * bound:
            unit = threshold.unit or worst.unit
            values = {"metric": series(worst), "value": quantity(worst.value, unit), "limit": quantity(bound, unit)}
            words = Message(f"trouble.{'below' if sign < 0 else 'above'}", values)
            return Trouble(threshold.metric, status, "threshold", words, value=worst.value, threshold=bound)
    return None


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

"""Where a number stands to the bounds of its threshold, and since when it is past them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.core.model import QUIET, Reading, Severity, Threshold

_PAGING: Final = (Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Standing:
    """`past`: the bounds that it is past, with the moment each began; `counts`: the loudest of them that has lasted;
    `due`: when the next of the others will have."""

    threshold: Threshold
    reading: Reading
    past: Mapping[Severity, float]
    counts: Severity | None
    due: float | None


def track(metric: str, severity: Severity) -> str:
    """Under which name a severity is settled. What never pages is believed by itself, so that what does neither hides
    it nor is hidden by it."""
    return f"{metric}:{severity.value}" if severity in QUIET else metric


def metric_of(name: str) -> str:
    """The metric of a track."""
    return name.partition(":")[0]


def tracks(threshold: Threshold) -> Iterator[tuple[str, tuple[Severity, ...]]]:
    """Every name under which this threshold is settled, with the severities that are settled together."""
    yield threshold.metric, _PAGING
    for severity in (Severity.INFO, Severity.ERROR):
        if threshold.bound(severity) is not None:
            yield track(threshold.metric, severity), (severity,)


def stand(
    threshold: Threshold,
    reading: Reading,
    severities: Iterable[Severity],
    *,
    past: Mapping[Severity, float],
    began: float,
) -> Standing:
    """Past a bound from reaching it until the number has recovered; it counts once that has lasted."""
    now_past = {
        severity: past.get(severity, began)
        for severity in severities
        if _is_past(threshold, reading.value, severity, before=severity in past)
    }
    ends = {severity: since + threshold.lasts.get(severity, 0.0) for severity, since in now_past.items()}
    return Standing(
        threshold,
        reading,
        now_past,
        counts=max((each for each, end in ends.items() if end <= began), key=lambda each: each.rank, default=None),
        due=min((end for end in ends.values() if end > began), default=None),
    )


def _is_past(threshold: Threshold, value: float, severity: Severity, *, before: bool) -> bool:
    bound = threshold.bound(severity)
    if bound is None:
        return False
    recovered = threshold.recover.get(severity)
    if before and recovered is not None:
        return badness(threshold, value) > badness(threshold, recovered)
    return is_beyond(threshold, value, bound)


def is_beyond(threshold: Threshold, value: float, bound: float) -> bool:
    """At the bound is beyond it."""
    return badness(threshold, value) >= badness(threshold, bound)


def badness(threshold: Threshold, value: float) -> float:
    """The value with such a sign that more is worse."""
    return -value if threshold.worse == "below" else value

"""The host check: this machine as it is, and machines that are full."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.checks.host import HostCheck
from monitor.clock import SystemClock
from monitor.core.judge import judge
from monitor.core.model import Blind, Finding, Observation, Seen, Status
from monitor.locale import LANGUAGES, speak
from monitor.look import Surroundings, look, surroundings
from monitor.sources.host import Disks, Filesystem, HostSource, Sample

GIB = 2**30
WELL = Sample(
    cpu_seconds={"user": 100.0, "idle": 900.0},
    processors=2,
    memory_size=4 * GIB,
    memory_available=3 * GIB,
    swap_used=None,
    load=(0.5, 0.4, 0.3),
    descriptors_used=0.01,
    booted_at=1.7e9,
    filesystems=(Filesystem("/", 100 * GIB, 50 * GIB, 0.5, 0.1),),
    missing=(),
    network={"eth0": (10, 20)},
)


@pytest.fixture
async def around() -> AsyncIterator[Surroundings]:
    async with surroundings({}, environ={}, clock=SystemClock()) as made:
        yield made


def check(**settings: Any) -> HostCheck:
    return HostCheck.model_validate({"kind": "host", **settings})


async def on(sample: Sample, around: Surroundings, **settings: Any) -> Observation:
    """A look at a machine that shows this."""
    return await look("host", check(**settings), replace(around, host=HostSource(lambda _: sample)))


def values(observation: Observation) -> dict[str, float]:
    assert isinstance(observation.result, Seen), observation.result
    return {" ".join((each.name, *each.labels.values())): each.value for each in observation.result.readings}


def troubles(observation: Observation, **settings: Any) -> dict[str, Status]:
    verdict = judge(observation, check(**settings).judged_by())
    return {metric: trouble.status for metric, trouble in verdict.troubles.items() if trouble}


async def test_this_machine_is_seen(around: Surroundings) -> None:
    found = values(await look("host", check(), around))
    for share in ("memory", "disk /", "descriptors"):
        assert 0 < found[share] < 1
    assert found["processors"] >= 1
    assert found["cpu_seconds user"] > 0
    assert found["disk_size /"] > found["disk_available /"] > 0
    assert found["booted"] < time.time()
    assert "cpu" not in found, "one look cannot know how busy the processors have been"


async def test_a_machine_that_has_enough_is_well(around: Surroundings) -> None:
    observation = await on(WELL, around)
    assert troubles(observation) == {}
    assert values(observation)["memory"] == 0.25
    assert "swap" not in values(observation)


@pytest.mark.parametrize(
    ("change", "metric", "status"),
    [
        ({"memory_available": int(0.81 * GIB)}, "memory", None),
        ({"memory_available": int(0.79 * GIB)}, "memory", Status.WARNING),
        ({"memory_available": int(0.19 * GIB)}, "memory", Status.CRITICAL),
        ({"filesystems": (Filesystem("/", GIB, GIB, 0.85, None),)}, "disk", Status.WARNING),
        ({"filesystems": (WELL.filesystems[0], Filesystem("/data", GIB, 0, 1.0, 0.1))}, "disk", Status.CRITICAL),
        ({"filesystems": (Filesystem("/", GIB, GIB, 0.5, 0.95),)}, "disk_inodes", Status.CRITICAL),
        ({"descriptors_used": 0.8}, "descriptors", Status.WARNING),
    ],
)
async def test_a_machine_that_is_full(
    around: Surroundings, change: dict[str, Any], metric: str, status: Status | None
) -> None:
    observation = await on(replace(WELL, **change), around)
    assert troubles(observation) == ({metric: status} if status else {})


async def test_swap_has_bounds_only_where_somebody_set_them(around: Surroundings) -> None:
    swapping = replace(WELL, swap_used=0.99)
    observation = await on(swapping, around)
    assert troubles(observation) == {}
    assert troubles(observation, thresholds={"swap": {"warning": "50%"}}) == {"swap": Status.WARNING}


async def test_the_use_of_the_processors_is_judged_once_it_is_known(around: Surroundings) -> None:
    source = HostSource(lambda _: WELL)
    first = await look("host", check(), replace(around, host=source))
    assert "cpu" not in values(first)
    at, idle, total = source._usage._seen[0]
    source._usage._seen[0] = (at - 60, idle - 5, total - 60)  # as if a minute ago, busy since then
    second = await look("host", check(), replace(around, host=source))
    assert values(second)["cpu"] == pytest.approx(55 / 60)
    assert troubles(second) == {"cpu": Status.CRITICAL}


async def test_a_path_that_is_not_there_is_a_warning_and_hides_nothing(around: Surroundings) -> None:
    observation = await look("host", check(disks=["/", "/nowhere"]), around)
    assert isinstance(observation.result, Seen)
    (finding,) = (fact for fact in observation.result.facts if isinstance(fact, Finding))
    assert (finding.status, finding.reason) == (Status.WARNING, "disk_missing")
    assert all("/nowhere" in speak(finding.message, language) for language in LANGUAGES)
    assert "disk /" in values(observation)


async def test_what_cannot_be_read_makes_nobody_red(around: Surroundings) -> None:
    def refuse(_: Disks) -> Sample:
        raise PermissionError(13, "Permission denied", "/proc/stat")

    observation = await look("host", check(), replace(around, host=HostSource(refuse)))
    assert observation.result == Blind("cannot be read: Permission denied")


async def test_a_file_system_that_hangs_makes_it_blind_at_the_deadline(around: Surroundings) -> None:
    let_go = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_: Disks) -> Sample:
        asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result(30)
        return WELL

    observation = await look("host", check(timeout=0.4), replace(around, host=HostSource(hang)))
    let_go.set()
    assert isinstance(observation.result, Blind)
    assert "does not answer" in observation.result.reason
    assert observation.took_seconds < 0.9


@pytest.mark.parametrize("wrong", [{"disks": []}, {"disks": ["tmp"]}, {"thresholds": {"disk": {"warning": 85}}}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check(**wrong)

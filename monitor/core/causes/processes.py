"""Why an application's processes do not run: told by PM2 and by the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.scene import Place, Said, Scene, Sign, against
from monitor.core.model import Confidence, Diagnosis, Evidence, Finding, Message, PlannedExit, RuledOut, Worker
from monitor.core.workers import LIMIT

PM2: Final = "pm2"
MENDING: Final = ("not_alive", "restarting", "fewer_than_expected")
"""What a look says of an app some or all of whose processes are gone."""

DIED: Final = "waiting restart"
"""The status under which PM2's exit code is that of the process that is gone, and nobody ordered its end. Under
`online` it may be of an earlier one: PM2 has not noticed yet."""

CRASHES: Final = frozenset({"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP"})
"""The signals by which a program ends that has failed. Every other one comes from outside."""

JUST_BEFORE_SECONDS: Final = 30.0
"""The kernel counts a process that it kills before PM2 notices that it is gone; no longer before than a look or two."""


def pm2_daemon_down(scene: Scene) -> Diagnosis | None:
    """PM2 itself is gone, or there and frozen. An answer that is none leaves open who gave it; and where nobody watches
    PM2 itself, an app that died while PM2 was silent tells."""
    sure = ("missing_socket", "refused", "timeout")
    if sign := scene.failed(PM2, phases=("connect", "reply"), reasons=sure):
        confidence = Confidence.CERTAIN
    elif sign := scene.failed(PM2, phases=("connect", "reply")):
        confidence = Confidence.POSSIBLE
    elif (sign := scene.failed(PM2, reasons=("not_alive",))) and _died_with_daemon(sign):
        confidence = Confidence.LIKELY
    else:
        return None
    supervisor = scene.supervisor()
    ordered = confidence is Confidence.CERTAIN and any(isinstance(fact, PlannedExit) for fact in sign.facts)
    return scene.diagnosis(
        "pm2_daemon_down",
        sign,
        confidence,
        words="ordered" if ordered else "",
        evidence=scene.machine(),
        ruled_out=tuple(_survivors(scene)),
        commands=(commands.pm2(supervisor, "ping"), commands.pm2(supervisor, "resurrect")),
    )


def process_gave_up(scene: Scene) -> Diagnosis | None:
    """PM2 has given up: it will start the process no more, whatever status it shows."""
    sign = scene.failed(PM2, reasons=("gave_up",))
    if sign is None:
        return None
    lost = ", ".join(f"{each.worker}: {each.pm2_status}" for each in _workers(sign) if each.gave_up) or "–"
    ruled_out = (*_answered(scene), against("process_crash_loop.gave_up", statuses=lost))
    return _found(scene, "process_gave_up", sign, ruled_out=ruled_out)


def process_missing(scene: Scene) -> Diagnosis | None:
    """PM2 is there and knows no such app, or fewer instances of it than there should be."""
    if sign := scene.failed(PM2, reasons=("missing",)):
        known = (
            ", ".join(dict.fromkeys(each.app for each in scene.facts(Worker) if each.app != _app(scene, sign))) or "–"
        )
        pm2 = scene.supervisor()
        return scene.diagnosis(
            "process_missing",
            sign,
            Confidence.CERTAIN,
            ruled_out=(*_answered(scene), against("process_stopped.not_listed", apps=known)),
            commands=tuple(commands.pm2(pm2, verb) for verb in ("list", "start ecosystem.config.js", "save")),
        )
    sign = scene.failed(PM2, reasons=("fewer_than_expected",))
    listed = _workers(sign) if sign else ()
    if sign is None or not listed or len(listed) >= _expected(sign) or not all(each.alive for each in listed):
        return None
    app = _app(scene, sign)
    return scene.diagnosis(
        "process_missing",
        sign,
        Confidence.CERTAIN,
        words="some",
        values={"listed": len(listed), "expected": _expected(sign)},
        ruled_out=(*_answered(scene), against("process_crash_loop.all_alive", count=len(listed))),
        commands=(commands.pm2(scene.supervisor(), "scale", app, more=str(_expected(sign))),),
    )


def process_stopped(scene: Scene) -> Diagnosis | None:
    """It was stopped, or ended by itself and is not to be started again; or some of its instances were."""
    sign = scene.failed(PM2, reasons=("stopped",))
    if sign:
        ended = any(message.key == "pm2.ended" for message in _words(sign))
        return _found(scene, "process_stopped", sign, words="ended" if ended else "", ruled_out=_no_loop(scene, sign))
    sign = scene.failed(PM2, reasons=("fewer_than_expected",))
    lost = [each for each in _workers(sign) if not each.alive] if sign else []
    if sign is None or not lost or any(each.pm2_status != "stopped" or each.gave_up for each in lost):
        return None
    numbers = ", ".join(str(each.worker) for each in lost)
    return _found(
        scene,
        "process_stopped",
        sign,
        confidence=Confidence.LIKELY,
        words="some",
        values={"stopped": len(lost), "workers": numbers},
        ruled_out=_no_loop(scene, sign),
    )


def process_killed(scene: Scene) -> Diagnosis | None:
    """A process is gone that ended with no error of its own, and nobody ordered it. PM2's bus tells by which signal.
    Where that was not heard, the kernel's having just ended a process for want of memory makes it likely. Without
    either, an app in cluster mode may as well have thrown an exception: PM2 notes 0 for both. A process that said how
    it failed was not killed."""
    sign = scene.failed(PM2, reasons=MENDING)
    dead = _dead(sign) if sign else []
    if sign is None or not dead or any(_failed(each) for each in dead):
        return None
    kills = tuple(_kills(scene, sign, since=sign.since - JUST_BEFORE_SECONDS, until=sign.since))
    by = ", ".join(dict.fromkeys(each.ended_by for each in dead if each.ended_by))
    heard = all(each.ended_by for each in dead)
    if not kills and not heard and any(each.clustered and not each.ended_by for each in dead):
        return None
    silent = Confidence.LIKELY if kills else Confidence.POSSIBLE
    return _found(
        scene,
        "process_killed",
        sign,
        confidence=Confidence.CERTAIN if heard else silent,
        words="memory" if kills else "signal" if heard else "",
        values={"signal": by} if heard and not kills else None,
        evidence=(*(_exit(scene, sign, each) for each in dead), *kills, *scene.machine()),
        ruled_out=(*_no_loop(scene, sign), against("process_stopped.not_ordered")),
        more=("journalctl -k --since '-15 min' | grep -iE 'out of memory|oom-kill|killed process'", "free -m"),
    )


def process_crash_loop(scene: Scene) -> Diagnosis | None:
    """It dies again and again, and is started again each time; or it has just died, and said that it had failed."""
    if sign := scene.failed(PM2, reasons=("restarts",)):
        first = min((at for at, _ in sign.restarts), default=sign.since)
        return _found(
            scene,
            "process_crash_loop",
            sign,
            evidence=(
                *(_exit(scene, sign, each) for each in _dead(sign)),
                *_kills(scene, sign, since=first - JUST_BEFORE_SECONDS, until=sign.at),
            ),
            ruled_out=(*_answered(scene), against("process_gave_up.starts_again")),
        )
    sign = scene.failed(PM2, reasons=MENDING)
    failed = [each for each in _dead(sign) if _failed(each)] if sign else []
    if sign is None or not failed:
        return None
    code, by = failed[0].exit_code or 0, failed[0].ended_by
    return _found(
        scene,
        "process_crash_loop",
        sign,
        confidence=Confidence.POSSIBLE,
        words="once_signal" if by else "once",
        values={"signal": by} if by else {"code": code},
        evidence=tuple(_exit(scene, sign, each) for each in failed),
        ruled_out=(
            *_kept(scene, sign),
            against("process_killed.own_signal", signal=by) if by else against("process_killed.own_code", code=code),
        ),
    )


def alive(scene: Scene) -> tuple[RuledOut, ...]:
    """What PM2 and the kernel say against trouble with the root's own processes, by a look since the trouble began."""
    for sight in scene.seen(Place.OWN, kind=PM2):
        workers = [fact for fact in sight.facts if isinstance(fact, Worker)]
        if sight.is_well and workers and all(each.alive for each in workers):
            pids = ", ".join(str(each.pid) for each in workers)
            return (against("process_stopped.alive", app=workers[0].app, count=len(workers), pids=pids),)
    return ()


def _found(
    scene: Scene,
    cause: str,
    sign: Sign,
    *,
    confidence: Confidence = Confidence.CERTAIN,
    words: str = "",
    values: dict[str, Said] | None = None,
    evidence: Iterable[Evidence] = (),
    ruled_out: Iterable[RuledOut] = (),
    more: Iterable[str] = (),
) -> Diagnosis:
    app, supervisor = _app(scene, sign), scene.supervisor()
    return scene.diagnosis(
        cause,
        sign,
        confidence,
        words=words,
        values=values,
        evidence=evidence,
        ruled_out=ruled_out,
        commands=(*more, commands.pm2_log(supervisor, app), commands.pm2(supervisor, "restart", app)),
    )


def _answered(scene: Scene) -> tuple[RuledOut, ...]:
    """The very list that shows the trouble is PM2's answer."""
    supervisor = scene.supervisor()
    version, pid = (supervisor.version, supervisor.pid) if supervisor else ("?", "?")
    return (against("pm2_daemon_down.answered", version=version or "?", pid=pid),)


def _kept(scene: Scene, sign: Sign) -> tuple[RuledOut, ...]:
    """PM2 answers, and still knows when it was created."""
    kept = (against("process_gave_up.kept"),) if any(each.created_at for each in _workers(sign)) else ()
    return (*_answered(scene), *kept)


def _no_loop(scene: Scene, sign: Sign) -> tuple[RuledOut, ...]:
    """Besides, it was not restarted too often."""
    count = sum(more for _, more in sign.restarts)
    loop = (against("process_crash_loop.few", count=count, limit=LIMIT),) if count < LIMIT else ()
    return (*_kept(scene, sign), *loop)


def _kills(scene: Scene, sign: Sign, *, since: float, until: float) -> Iterator[Evidence]:
    """That the kernel ended processes for want of memory in that time."""
    for at, count in sign.memory_kills:
        if since <= at <= until:
            yield Evidence(scene.root, Message("evidence.memory_kills", {"count": count}), at)


def _exit(scene: Scene, sign: Sign, worker: Worker) -> Evidence:
    values: dict[str, Said] = {
        "app": worker.app,
        "worker": worker.worker,
        "status": worker.pm2_status,
    }
    if worker.ended_by:
        return Evidence(scene.root, Message("evidence.exit_signal", {**values, "signal": worker.ended_by}), sign.at)
    return Evidence(scene.root, Message("evidence.exit_code", {**values, "code": worker.exit_code or 0}), sign.at)


def _survivors(scene: Scene) -> Iterator[RuledOut]:
    """Apps that answer although PM2 is gone: nobody would start them again."""
    for sight in scene.seen(Place.BELOW):
        if sight.kind in ("http", "tcp") and sight.is_well:
            yield against("app_unresponsive.still_answers", service=sight.service)


def _dead(sign: Sign) -> list[Worker]:
    """Processes that are gone and of which PM2 knows how they ended."""
    return [
        each
        for each in _workers(sign)
        if not each.alive and not each.gave_up and each.pm2_status == DIED and each.exit_code is not None
    ]


def _failed(worker: Worker) -> bool:
    """Whether the program itself says that it had failed."""
    return bool(worker.exit_code) or worker.ended_by in CRASHES


def _workers(sign: Sign | None) -> tuple[Worker, ...]:
    return tuple(fact for fact in sign.facts if isinstance(fact, Worker)) if sign else ()


def _words(sign: Sign) -> tuple[Message, ...]:
    return (sign.trouble.message, *(fact.message for fact in sign.facts if isinstance(fact, Finding)))


def _expected(sign: Sign) -> int:
    return int(sign.trouble.message.values.get("expected", 0))


def _died_with_daemon(sign: Sign) -> bool:
    return sign.trouble.message.key == "pm2.died_with_daemon"


def _app(scene: Scene, sign: Sign) -> str:
    """The app as PM2 calls it."""
    return str(sign.trouble.message.values.get("app") or next((each.app for each in _workers(sign)), scene.root))

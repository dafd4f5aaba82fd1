"""Why Nginx, or a route through it, does not serve: told by its processes, its peers and its configuration together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.scene import Place, Scene, Sign, against
from monitor.core.judge import quantity
from monitor.core.model import Confidence, Diagnosis, Evidence, Message, NginxProcesses, RuledOut, UpstreamPeer, Worker

NGINX: Final = "nginx"
PEERS_SHOWN: Final = 4
START: Final = "systemctl start nginx"
RELOAD: Final = "systemctl reload nginx"
JOURNAL: Final = "journalctl -u nginx --since '-15 min' --no-pager"


def nginx_down(scene: Scene) -> Diagnosis | None:
    """It does not run, or takes no connection."""
    sign = scene.failed(NGINX, phases=("process", "connect"))
    if sign is None:
        return None
    valid = _reading(sign, "config_valid")
    broken = (Evidence(scene.root, Message("evidence.config_invalid"), sign.at),) if valid == 0 else ()
    return scene.diagnosis(
        "nginx_down",
        sign,
        Confidence.CERTAIN,
        evidence=broken,
        ruled_out=(
            against("nginx_frozen.refused", text=sign.said),
            *((against("nginx_config_broken.valid"),) if valid == 1 else ()),
        ),
        commands=(commands.nginx_test(), START, JOURNAL),
    )


def nginx_frozen(scene: Scene) -> Diagnosis | None:
    """It takes connections and is silent. Certain when the kernel shows its workers stopped."""
    sign = scene.failed(NGINX, phases=("answer",))
    if sign is None:
        return None
    frozen = sign.trouble.reason == "frozen"
    master = _master(sign)
    mend = f"pkill -CONT -P {master.master}" if frozen and master else "systemctl restart nginx"
    return scene.diagnosis(
        "nginx_frozen",
        sign,
        Confidence.CERTAIN if frozen else Confidence.LIKELY,
        evidence=scene.machine(),
        ruled_out=(against("nginx_down.accepts", pid=master.master if master else "?"),),
        commands=("ps -o pid,stat,pcpu,args -C nginx", mend),
    )


def upstream_port_mismatch(scene: Scene) -> Diagnosis | None:
    """Nobody listens where Nginx asks, and the only application that no route leads to listens elsewhere. Certain when
    that application is one which this Nginx is known to need, and it is well: then it has no other fault."""
    sign = scene.failed(NGINX, reasons=("upstream_port_mismatch",))
    if sign is None:
        return None
    values = sign.trouble.message.values
    needed = _needed(scene, str(values.get("app", "")))
    return scene.diagnosis(
        "upstream_port_mismatch",
        sign,
        Confidence.CERTAIN if needed else Confidence.LIKELY,
        ruled_out=(*answers(sign), *needed),
        commands=(
            commands.listeners(values.get("port", "")),
            f"grep -rn {commands.word(_first(values.get('peers', '')), 'PEER')} /etc/nginx/",
            commands.nginx_test(),
            RELOAD,
        ),
    )


def upstream_down(scene: Scene) -> Diagnosis | None:
    """No peer of a route answers when it is asked directly. They refuse, or take connections and are silent. Or only
    some of several do: then the rest serves, and that explains nothing worse."""
    lost = scene.failed(NGINX, reasons=("redundancy_lost",))
    if lost and lost.trouble.status is scene.signs[0].trouble.status:
        return _some_peers_down(scene, lost)
    gone = scene.failed(NGINX, reasons=("upstream_down",))
    sign = gone or scene.failed(NGINX, reasons=("upstream_unresponsive",))
    if sign is None:
        return None
    peers = str(sign.trouble.message.values.get("peers", "–"))
    why = "app_unresponsive.refused" if gone else "upstream_port_mismatch.accepts"
    return scene.diagnosis(
        "upstream_down",
        sign,
        Confidence.CERTAIN,
        words="" if gone else "silent",
        evidence=() if gone else scene.machine(),
        ruled_out=(*answers(sign), against(why, peers=peers)),
        commands=(_ask(peers), commands.listeners(), commands.pm2(scene.supervisor(), "list")),
    )


def _some_peers_down(scene: Scene, sign: Sign) -> Diagnosis:
    peers = str(sign.trouble.message.values.get("peers", "–"))
    return scene.diagnosis(
        "upstream_down",
        sign,
        Confidence.CERTAIN,
        words="some",
        ruled_out=answers(sign),
        commands=(_ask(peers), commands.listeners(), commands.pm2(scene.supervisor(), "list")),
    )


def upstream_marked_failed(scene: Scene) -> Diagnosis | None:
    """The peers answer us, and Nginx has written down that it sees none alive."""
    sign = scene.failed(NGINX, reasons=("upstream_marked_failed",))
    if sign is None:
        return None
    return scene.diagnosis(
        "upstream_marked_failed",
        sign,
        Confidence.CERTAIN,
        ruled_out=(*answers(sign), _reached(sign)),
        commands=(
            "grep -E 'upstream timed out|prematurely closed|no live upstreams' /var/log/nginx/error.log | tail -20",
        ),
    )


def upstream_timeout_mismatch(scene: Scene) -> Diagnosis | None:
    """The application answers, later than Nginx waits. That Nginx gives up while the application answers us in time
    makes it likely only."""
    sign = scene.failed(NGINX, reasons=("upstream_timeout_mismatch",))
    if sign is None:
        return None
    measured = sign.trouble.message.key != "nginx.gateway_timeout"
    return scene.diagnosis(
        "upstream_timeout_mismatch",
        sign,
        Confidence.CERTAIN if measured else Confidence.LIKELY,
        evidence=scene.machine(),
        ruled_out=(*answers(sign), _reached(sign)),
        commands=("grep -rnE '(proxy|fastcgi|uwsgi|grpc)_read_timeout' /etc/nginx/", commands.nginx_test(), RELOAD),
    )


def nginx_config_broken(scene: Scene) -> Diagnosis | None:
    """It serves with what it has; what is on disk it would refuse."""
    return _of_configuration(scene, "nginx_config_broken", (commands.nginx_test(), RELOAD))


def nginx_config_not_loaded(scene: Scene) -> Diagnosis | None:
    """It serves with what it has; what is on disk is newer."""
    sign = scene.failed(NGINX, reasons=("nginx_config_not_loaded",))
    path = sign.trouble.message.values.get("path", "") if sign else ""
    return _of_configuration(scene, "nginx_config_not_loaded", (commands.nginx_test(path), RELOAD))


def _of_configuration(scene: Scene, cause: str, shown: Iterable[str]) -> Diagnosis | None:
    sign = scene.failed(NGINX, reasons=(cause,))
    if sign is None:
        return None
    valid = _reading(sign, "config_valid") == 1
    ruled_out = (against("nginx_config_broken.valid"),) if valid and cause != "nginx_config_broken" else ()
    return scene.diagnosis(cause, sign, Confidence.CERTAIN, ruled_out=(*answers(sign), *ruled_out), commands=shown)


def answers(sign: Sign) -> tuple[RuledOut, ...]:
    """Nginx itself serves."""
    master = _master(sign)
    if master is None:
        return (against("nginx_down.answers"),)
    return (against("nginx_down.runs", pid=master.master, workers=master.workers),)


def _reached(sign: Sign) -> RuledOut:
    """Every peer that answered, and how long it took."""
    peers = [fact for fact in sign.facts if isinstance(fact, UpstreamPeer) and fact.http_status is not None]
    shown = [
        f"{each.peer}: {each.http_status}, {quantity(each.took_seconds, 'seconds')}" for each in peers[:PEERS_SHOWN]
    ]
    return against("upstream_down.reached", peers="; ".join(shown) or "–")


def _needed(scene: Scene, app: str) -> tuple[RuledOut, ...]:
    """That the app is one which the root needs, with all of its processes alive since the trouble began."""
    for sight in scene.seen(Place.ABOVE, kind="pm2"):
        workers = [fact for fact in sight.facts if isinstance(fact, Worker) and fact.app == app]
        if sight.is_well and workers and all(each.alive for each in workers):
            pids = ", ".join(str(each.pid) for each in workers)
            return (against("process_stopped.alive", app=app, count=len(workers), pids=pids),)
    return ()


def _master(sign: Sign) -> NginxProcesses | None:
    return next((fact for fact in sign.facts if isinstance(fact, NginxProcesses)), None)


def _reading(sign: Sign, name: str) -> float | None:
    return next((each.value for each in sign.readings if each.name == name), None)


def _ask(peers: str) -> str:
    return f"curl -sv -m 5 -o /dev/null {commands.word(f'http://{_first(peers)}/', 'URL')}"


def _first(peers: object) -> str:
    return str(peers).partition(",")[0].strip()

"""The commands that are printed with a cause: about what is really there, and harmless whatever it is called."""

from __future__ import annotations

import shlex

from monitor.core.causes.scene import facts_of
from monitor.core.model import (
    DatabaseEndpoint,
    Observation,
    Seen,
    Status,
    Supervisor,
)
from tests.core.scenes import (
    AUTHORIZE,
    HOST,
    WELL,
    Looked,
    app,
    closed,
    failed,
    looked,
    nginx,
    rds,
    rules,
    stack,
    worker,
)

SILENT = rds("tcp", "timeout")
SHUT_AND_SILENT = rules(reachable=False, found=closed(Status.CRITICAL))
MUTE = failed("answer", "timeout")
MISMATCH = nginx("upstream_port_mismatch", app="node", port=3100)
WELL_NGINX = facts_of(Observation("nginx", "nginx", 0.0, 0.0, WELL["nginx", "nginx"]))


# Commands -----------------------------------------------------------------------------------------------------------


def commands(**looks: Looked) -> tuple[str, ...]:
    told = looked(stack(**looks))
    return told.at(told.roots[0]).commands


def test_commands_name_what_is_really_there() -> None:
    assert commands(rds=SILENT, wall=SHUT_AND_SILENT) == (AUTHORIZE,)
    asked = f"psql 'host={HOST} port=5432 dbname=signalcraft user=app' -c 'select 1'"
    assert asked in commands(rds=rds("auth", "credentials", status=Status.CRITICAL))
    assert "pm2 restart python --update-env" in commands(rds=rds("auth", "credentials", status=Status.CRITICAL))
    assert f"getent ahosts {HOST}" in commands(rds=rds("resolve", "dns"))
    assert "aws rds start-db-instance --db-instance-identifier signalcraft --region ap-northeast-2" in commands(
        rds=SILENT, wall=rules(reachable=True, state="stopped")
    )
    assert "ss -ltnp 'sport = :3100'" in commands(nginx=MISMATCH)
    assert "pkill -CONT -P 700" in commands(nginx=failed("answer", "frozen", *WELL_NGINX))


def test_without_an_endpoint_the_commands_take_it_from_the_environment() -> None:
    def bare(phase: str, reason: str) -> tuple[str, ...]:
        return commands(rds=failed(phase, reason, status=Status.CRITICAL))

    assert "psql \"host=$DB_HOST port=$DB_PORT dbname=$DB_NAME user=$DB_USER\" -c 'select 1'" in bare(
        "auth", "credentials"
    )
    assert 'getent ahosts "$DB_HOST"' in bare("resolve", "dns")
    assert bare("auth", "starting") == ('nc -vz -w 5 "$DB_HOST" "$DB_PORT"',)
    assert any("dbname=postgres" in each for each in bare("auth", "database_missing"))
    assert bare("tcp", "unreachable")[0] == "ip route get –"


HOSTILE = "x'; rm -rf / #"


def test_names_of_other_people_stay_words() -> None:
    endpoint = DatabaseEndpoint(HOSTILE, 5432, "na me", "it's", "")
    (asked,) = commands(rds=failed("auth", "database_missing", endpoint, status=Status.CRITICAL))[1:]
    assert shlex.split(asked)[1] == "host='x\\'; rm -rf / #' port=5432 dbname=postgres user='it\\'s'"
    for name in (HOSTILE, "$(reboot)", "a b", "`id`"):
        hostile = worker(app=name)
        lines = commands(node_pm2=app(hostile), node_http=MUTE)
        assert shlex.split(lines[-1])[:3] == ["pm2", "restart", name]
    for name in ("-rf", "a\nb", "\x1b[2J"):
        lines = commands(node_pm2=app(worker(app=name)), node_http=MUTE)
        assert lines[-1] == "pm2 restart APP"


def test_pm2_elsewhere_is_named_by_its_home() -> None:
    elsewhere = Seen(facts=(Supervisor(9, "7.0.4", "/srv/pm 2"), worker()))
    lines = commands(pm2=Seen(), node_pm2=elsewhere, python_pm2=Seen(), node_http=MUTE)
    assert lines[-1] == "PM2_HOME='/srv/pm 2' pm2 restart node"

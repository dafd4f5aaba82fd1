"""The lab is what it says it is: real, breakable, healable, and gone afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from dotenv import dotenv_values

from tests.faults.table import BY_NAME
from tests.lab import pm2, postgres
from tests.lab.faults import FAULTS
from tests.lab.lab import Lab
from tests.lab.places import HOST, REPOSITORY, LabError, Places
from tests.lab.processes import members, wait_until

pytestmark = pytest.mark.lab

# What a fault takes away, in the words of `status`. Frozen and killed PM2 takes Node's listening socket with it.
_NODE = {"nodejs", "nodejs-database", "front"}
_QUICK = {
    "postgres-stopped": {"nodejs-database", "python-database"},
    "postgres-frozen": {"nodejs-database", "python-database"},
    "postgres-renamed": {"nodejs-database", "python-database"},
    "postgres-read-only": set[str](),
    "pm2-killed": _NODE,
    "pm2-frozen": _NODE,
    "node-worker-killed": set[str](),
    "node-crash-loop": _NODE,
    "node-killed": _NODE,
    "node-stopped": _NODE,
    "node-blocked": _NODE,
    "app-500": {"front", "nodejs"},
    "sg-rule-revoked": set[str](),
    "sg-open-world": set[str](),
    "sg-open-halves": set[str](),
    "wrong-db-host": set[str](),
    "sqlite-open": set[str](),
    "stale-environment": set[str](),
    "nginx-stopped": {"front"},
    "receiver-refuse": {"receiver"},
}


def test_everything_serves_when_it_is_up(healthy_lab: Lab) -> None:
    status = healthy_lab.status()
    assert status["serving"] == dict.fromkeys(status["serving"], True)
    assert all(status["pids"].values())
    assert len(pm2.listed(healthy_lab.places, pm2.NODE)) == os.cpu_count()


@pytest.mark.parametrize("fault", _QUICK)
def test_a_fault_takes_away_what_it_should_and_healing_brings_it_back(healthy_lab: Lab, fault: str) -> None:
    healthy_lab.break_(fault)
    healthy_lab.break_(fault)
    serving = healthy_lab.status()["serving"]
    assert {name for name, well in serving.items() if not well} == _QUICK[fault]
    healthy_lab.heal(fault)
    healthy_lab.heal(fault)
    wait_until(lambda: all(healthy_lab.status()["serving"].values()), f"recovery from {fault}")


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_a_full_disk_takes_nothing_away(healthy_lab: Lab) -> None:
    healthy_lab.break_("disk-full")
    healthy_lab.break_("disk-full")
    assert all(healthy_lab.status()["serving"].values())
    healthy_lab.heal("disk-full")


def test_pm2_gives_both_backends_up_under_the_products_own_settings(healthy_lab: Lab) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(healthy_lab.break_, ["node-gave-up", "python-gave-up"]))
    for app in (pm2.NODE, pm2.PYTHON):
        entries = pm2.listed(healthy_lab.places, app)
        assert {(entry["pid"], entry["pm2_env"]["status"]) for entry in entries} == {(0, "waiting restart")}
    healthy_lab.heal("node-gave-up")
    healthy_lab.heal("python-gave-up")
    assert all(healthy_lab.status()["serving"].values())


def test_a_killed_gunicorn_waits_for_pm2s_restart_or_for_the_operators(healthy_lab: Lab) -> None:
    healthy_lab.break_("python-killed")
    (entry,) = pm2.listed(healthy_lab.places, pm2.PYTHON)
    assert entry["pm2_env"]["status"] == "waiting restart"
    healthy_lab.heal("python-killed")
    assert all(healthy_lab.status()["serving"].values())


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("postgres-password", "password authentication failed"),
        ("postgres-slots", "remaining connection slots are reserved"),
        ("postgres-renamed", 'database "signalcraft" does not exist'),
    ],
)
def test_a_new_login_is_refused_in_the_servers_own_words(healthy_lab: Lab, fault: str, says: str) -> None:
    healthy_lab.break_(fault)
    healthy_lab.break_(fault)
    with pytest.raises(psycopg.OperationalError, match=says):
        psycopg.connect(_app_login(healthy_lab.places))
    healthy_lab.heal(fault)
    healthy_lab.heal(fault)
    psycopg.connect(_app_login(healthy_lab.places)).close()


def test_a_read_only_database_reads(healthy_lab: Lab) -> None:
    healthy_lab.break_("postgres-read-only")
    with psycopg.connect(_app_login(healthy_lab.places)) as session:
        assert session.execute("select count(*) from signals").fetchone() == (2,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            session.execute("insert into signals (name) values ('third')")


def test_the_database_wants_tls_and_its_certificate_can_be_verified(lab: Lab) -> None:
    login = _app_login(lab.places)
    with psycopg.connect(login, sslmode="verify-full", sslrootcert=str(lab.places.ca_file)) as session:
        assert session.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(login, sslmode="disable")


def test_the_monitors_role_sees_everybodys_sessions(lab: Lab) -> None:
    login = psycopg.conninfo.make_conninfo(
        _app_login(lab.places), user=postgres.MONITOR_ROLE, password=lab.places.monitor_password
    )
    with psycopg.connect(login) as session:
        assert session.execute("select pg_has_role('pg_monitor', 'member')").fetchone() == (True,)


def test_the_backends_read_the_env_file_themselves_so_that_proc_does_not_show_it(lab: Lab) -> None:
    places = lab.places
    assert dotenv_values(places.env_file)["DB_PASSWORD"] == places.app_password
    pids = [entry["pid"] for app in (pm2.NODE, pm2.PYTHON) for entry in pm2.listed(places, app)]
    for process in (psutil.Process(pid) for pid in pids):
        assert not {name for name in process.environ() if name.startswith("DB_")}
        assert Path(process.cwd()) == places.product


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [("receiver-500", 500, None), ("receiver-429", 429, "2"), ("receiver-410", 410, None)],
)
def test_the_receiver_answers_as_told_and_writes_it_down(
    healthy_lab: Lab, fault: str, status: int, retry_after: str | None
) -> None:
    request = urllib.request.Request(
        healthy_lab.places.receiver, data="장애".encode(), headers={"webhook-id": fault}, method="POST"
    )
    healthy_lab.break_(fault)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    with refused.value as answer:
        assert (answer.code, answer.headers["Retry-After"]) == (status, retry_after)
    healthy_lab.heal(fault)
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200
    first, second = healthy_lab.received()[-2:]
    assert first["headers"]["webhook-id"] == fault
    assert (first["body"], first["answer"], second["answer"]) == ("장애", str(status), "ok")
    assert first["at"] <= second["at"]


def test_the_receiver_can_take_a_request_and_never_answer(healthy_lab: Lab) -> None:
    healthy_lab.break_("receiver-hang")
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(healthy_lab.places.receiver, timeout=0.5)
    assert healthy_lab.received()[-1]["answer"] == "hang"


def test_labs_stand_side_by_side_and_leave_nothing_behind(lab: Lab, tmp_path: Path) -> None:
    with Lab(tmp_path / "second") as second:
        places = second.places
        assert places.first_port != lab.places.first_port
        second.break_("postgres-frozen")
        second.break_("pm2-frozen")
        assert all(lab.status()["serving"].values())
    assert members(places) == []
    assert not places.directory.exists()
    assert not places.postgres_home.exists()


@pytest.mark.parametrize("while_it", ["is coming up", "is up"])
def test_a_lab_goes_when_its_holder_is_killed(tmp_path: Path, while_it: str) -> None:
    directory = tmp_path / "lab"
    program = (
        "import sys, time, pathlib; from tests.lab.lab import Lab\n"
        "with Lab(pathlib.Path(sys.argv[1])): print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, directory], stdout=subprocess.PIPE, cwd=REPOSITORY) as holder:
        assert holder.stdout is not None
        if while_it == "is up":
            assert holder.stdout.readline() == b"up\n"
        places = wait_until(lambda: Places.read(directory), "the lab's record")
        wait_until(lambda: members(places), "the lab's first process")
        holder.send_signal(signal.SIGKILL)
    wait_until(lambda: not directory.exists() and not members(places), "the end of the lab", seconds=20)
    assert not places.postgres_home.exists()


def test_the_command_line_brings_a_lab_up_breaks_heals_and_ends_it(tmp_path: Path) -> None:
    directory = tmp_path / "lab"

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.lab", "--dir", directory, *words],
            cwd=REPOSITORY, capture_output=True, text=True, timeout=90, check=True,
        )  # fmt: skip

    first = json.loads(command("up", "--json").stdout)
    try:
        assert Path(first["monitor_config"]).is_file()
        command("break", "nginx-stopped")
        status = json.loads(command("status").stdout)
        assert (status["serving"]["front"], status["broken"]) == (False, ["nginx-stopped"])
        command("heal")
        assert json.loads(command("status").stdout)["broken"] == []
        second = json.loads(command("up", "--json").stdout)
        assert not psutil.pid_exists(first["pids"]["pm2"]), "an `up` ends the lab that was there before"
        assert second["directory"] == first["directory"]
    finally:
        command("down")
        command("down")
    assert not directory.exists()


def test_a_directory_that_is_no_lab_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    lab = Lab(tmp_path)
    with pytest.raises(LabError, match="not empty and not a lab"):
        lab.up()
    lab.down()
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_every_fault_is_tried() -> None:
    """Here, or with a daemon that watches."""
    tried = {*_QUICK, "node-gave-up", "python-gave-up", "python-killed", "postgres-password", "postgres-slots"}
    tried |= {"receiver-500", "receiver-429", "receiver-410", "receiver-hang", "disk-full"}
    tried |= {fault for row in BY_NAME.values() for fault in row.faults}
    tried |= {"python-500", "app-500-once", "aws-denied"}  # tests/faults: in every order; what pages nobody
    assert tried == set(FAULTS)


def _app_login(places: Places) -> str:
    return psycopg.conninfo.make_conninfo(
        host=HOST,
        port=places.postgres_port,
        dbname=postgres.DATABASE,
        user=postgres.APP_ROLE,
        password=places.app_password,
    )

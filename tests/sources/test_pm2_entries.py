"""PM2's list: real ones of three versions, the state table, and fields of every wrong type."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.pm2_entries import STATUSES, Entry, Standing, entries, standing
from monitor.sources.pm2_wire import ProtocolBroken
from tests.sources.fake_pm2 import SAMPLES, entry, sample

ALL_SAMPLES = ("5.4.3", "6.0.14", "7.0.4", "7.0.4-module", "7.0.4-states")


@pytest.mark.parametrize("version", ["5.4.3", "6.0.14", "7.0.4"])
def test_the_healthy_stack_reads_the_same_in_every_version(version: str) -> None:
    found = entries(sample(version))
    assert [(each.name, each.instance, each.status) for each in found] == [
        ("signalcraft-nodejs", 0, "online"),
        ("signalcraft-python", 0, "online"),
        ("signalcraft-nodejs", 1, "online"),
    ]
    for each in found:
        assert each.pid > 0
        assert each.begun_at is not None
        assert 1_795_000_000 < each.begun_at < 1_796_000_000
        assert each.created_at == each.begun_at
        assert (each.namespace, each.restarts, each.autorestart, each.forgotten) == ("default", 0, True, False)


@pytest.mark.parametrize("name", ALL_SAMPLES)
def test_no_environment_value_survives_parsing(name: str) -> None:
    assert (SAMPLES / f"jlist-{name}.json").read_text().count("<redacted>") > 100
    assert "<redacted>" not in repr(entries(sample(name)))


def test_modules_are_no_apps() -> None:
    listed = sample("7.0.4-module")
    assert "pm2-logrotate" in {each["name"] for each in listed}
    assert {each.name for each in entries(listed)} == {"signalcraft-nodejs", "signalcraft-python"}


def test_the_recorded_states_read_as_what_they_truly_were() -> None:
    """With every process that PM2 did not know to be dead alive in the kernel."""
    living = {8671, 11419, 13237, 14098}
    found = {
        (each.name, each.namespace, each.instance): standing(each, alive=each.pid in living)
        for each in entries(sample("7.0.4-states"))
    }
    assert found == {
        ("signalcraft-nodejs", "default", 0): Standing.ALIVE,
        ("signalcraft-nodejs", "default", 1): Standing.RESTARTING,
        ("signalcraft-python", "default", 0): Standing.ALIVE,
        ("dup", "blue", 0): Standing.ALIVE,
        ("dup", "green", 0): Standing.STOPPED,
        ("crash-delay", "default", 0): Standing.GAVE_UP,
        ("crash-nodelay", "default", 0): Standing.GAVE_UP,
        ("crash-backoff", "default", 0): Standing.GAVE_UP,
        ("exit0-noauto", "default", 0): Standing.ENDED,
        ("notready", "default", 0): Standing.ALIVE,
    }


NOTHING = Entry(
    name="web",
    namespace="default",
    pm_id=0,
    pid=0,
    status="",
    created_at=None,
    forgotten=False,
    begun_at=1e9,
    restarts=0,
    instance=0,
    autorestart=True,
)
SET, NULL = {"created_at": 1e9}, {"forgotten": True}
STATE_TABLE = [
    # status, pid, created_at, alive in the kernel, autorestart -> what is true
    ("online", 7, SET, True, True, Standing.ALIVE),
    ("online", 0, NULL, False, True, Standing.GAVE_UP),  # false status of 5.4.3 and 6.0.14
    ("online", 0, {}, False, True, Standing.GAVE_UP),  # same, and the app's environment has overwritten created_at
    ("online", 7, NULL, False, True, Standing.GAVE_UP),
    ("online", 7, SET, False, True, Standing.RESTARTING),  # crashed before it was ready, or this very moment
    ("launching", 7, SET, True, True, Standing.ALIVE),
    ("launching", 7, SET, False, True, Standing.RESTARTING),
    ("launching", 0, SET, False, True, Standing.RESTARTING),
    ("stopping", 7, SET, True, True, Standing.ALIVE),
    ("stopping", 7, SET, False, True, Standing.STOPPED),
    ("stopping", 0, SET, False, True, Standing.STOPPED),
    ("waiting restart", 7, SET, False, True, Standing.RESTARTING),
    ("waiting restart", 7, SET, True, True, Standing.RESTARTING),  # a stale pid is trusted by nobody
    ("waiting restart", 0, NULL, False, True, Standing.GAVE_UP),  # false status of every version
    ("waiting restart", 0, SET, False, True, Standing.STOPPED),  # in the middle of an operator's stop
    ("waiting restart", 0, SET, False, False, Standing.ENDED),
    ("stopped", 0, SET, False, True, Standing.STOPPED),
    ("stopped", 0, SET, False, False, Standing.ENDED),
    ("stopped", 7, SET, False, True, Standing.RESTARTING),  # between an exit and the restart at once
    ("stopped", 0, NULL, False, True, Standing.GAVE_UP),
    ("errored", 0, NULL, False, True, Standing.GAVE_UP),
    ("errored", 0, SET, False, True, Standing.GAVE_UP),
    ("errored", 7, SET, True, True, Standing.GAVE_UP),  # PM2 could not kill it
    ("", 7, SET, True, True, Standing.ALIVE),  # a status that we do not know: the kernel knows better
    ("", 7, SET, False, True, Standing.RESTARTING),
    ("", 0, SET, False, True, Standing.RESTARTING),
    ("one-launch-status", 7, SET, True, True, Standing.ALIVE),
]


@pytest.mark.parametrize(("status", "pid", "created", "alive", "autorestart", "truth"), STATE_TABLE)
def test_the_state_table(  # the columns of the table
    *, status: str, pid: int, created: dict[str, Any], alive: bool, autorestart: bool, truth: Standing
) -> None:
    listed = replace(NOTHING, status=status, pid=pid, autorestart=autorestart, **created)
    assert standing(listed, alive=alive) is truth


def test_the_state_table_has_every_status() -> None:
    assert {row[0] for row in STATE_TABLE} == STATUSES | {""}


@pytest.mark.parametrize(
    ("said", "code"), [(3, 3), (0, 0), ("77", None), (None, None), (-9, None), (1e3, None), (True, None)]
)
def test_an_exit_code_is_a_small_number_or_absent(said: object, code: int | None) -> None:
    [found] = entries([entry(7, 1e9, exit_code=said)])
    assert found.exit_code == code


@pytest.mark.parametrize(
    ("said", "clustered"), [("cluster_mode", True), ("fork_mode", False), (None, False), (7, False)]
)
def test_only_pm2s_own_word_makes_it_a_cluster(said: object, *, clustered: bool) -> None:
    [found] = entries([entry(7, 1e9, exec_mode=said)])
    assert found.clustered is clustered


def test_an_environment_that_overwrites_pm2s_fields_leaves_them_absent() -> None:
    """Reproduced on a real PM2: they all arrive as strings."""
    clash = {"created_at": "5", "restart_time": "9", "pm_uptime": "77", "NODE_APP_INSTANCE": "3", "status": "my secret"}
    [found] = entries([entry(7, 1e9, **clash)])
    assert (found.created_at, found.restarts, found.begun_at, found.instance, found.status) == (None,) * 4 + ("",)
    assert not found.forgotten


@pytest.mark.parametrize(
    ("value", "expected"), [(False, False), ("false", False), (True, True), (None, True), (0, True)]
)
def test_autorestart_is_off_only_when_pm2_reads_it_so(value: object, *, expected: bool) -> None:
    """PM2 compares with false and "false"."""
    # 0 == False in Python, not in JavaScript
    [found] = entries([entry(7, 1e9, autorestart=value)])
    assert found.autorestart is expected


@pytest.mark.parametrize("listed", [None, {}, "[]", 7, [None], [[]], [{}], [{"pm2_env": None}], [{"pm2_env": []}]])
def test_what_is_no_list_of_processes_is_an_error_never_an_empty_list(listed: object) -> None:
    with pytest.raises(ProtocolBroken):
        entries(listed)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(sorted(STATUSES)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("name", "namespace", "status", "created_at", "pm_uptime", "restart_time", "NODE_APP_INSTANCE", "autorestart")


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "pm_id", "pid"), anything)),
    st.fixed_dictionaries({}, optional=dict.fromkeys((*FIELDS, "pmx_module"), anything)),
    st.booleans(),
)
def test_every_field_is_of_its_type_or_absent(
    process: dict[str, Any], environment: dict[str, Any], alive: object
) -> None:
    for found in entries([{**process, "pm2_env": environment}]):
        for text in (found.name, found.namespace):
            assert type(text) is str
            assert len(text) <= 200
            assert text.isprintable()
            text.encode()
        assert found.status in STATUSES | {""}
        assert type(found.pid) is int
        assert 0 <= found.pid < 2**31
        for whole in (found.pm_id, found.restarts, found.instance):
            assert whole is None or (type(whole) is int and whole >= 0)
        for moment in (found.created_at, found.begun_at):
            assert moment is None or (type(moment) is float and 0 < moment < 1e11)
        assert standing(found, alive=bool(alive)) in Standing


def test_the_standings_are_all_reachable() -> None:
    assert Counter(row[5] for row in STATE_TABLE).keys() == set(Standing)

"""Who may change something, in which order that is decided, and what the orders do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from monitor.core.model import AcknowledgeAlert
from monitor.store import StoreError
from monitor.web.app import MAX_BODY_BYTES
from monitor.web.auth import token_of
from tests.daemon.running import command
from tests.web.conftest import BEARER, TOKEN, Served


async def alert_id(served: Served, service: str = "rds") -> str:
    (alert,) = await served.data(f"/api/v1/alerts?service={service}")
    return str(alert["id"])


async def test_an_acknowledged_alert_says_who_is_on_it_and_stays_active(broken: Served) -> None:
    name = await alert_id(broken)
    answer = await broken.order(f"/api/v1/alerts/{name}/acknowledge", json={"by": " 앤 "})
    alert = (await answer.json())["data"]
    assert (answer.status, alert["id"], alert["acknowledged_by"], alert["resolved_at"]) == (200, name, "앤", None)
    assert (await broken.data("/api/v1/alerts?service=rds"))[0]["acknowledged_by"] == "앤"


async def test_a_resolved_alert_says_who_resolved_it_and_is_no_longer_active(broken: Served) -> None:
    name = await alert_id(broken, "nodejs")
    answer = await broken.order(f"/api/v1/alerts/{name}/resolve")
    alert = (await answer.json())["data"]
    assert (answer.status, alert["id"], alert["resolved_by"]) == (200, name, "ann")
    assert alert["resolved_at"] is not None
    assert await broken.data("/api/v1/alerts?service=nodejs") == []


async def test_an_order_is_kept_over_a_restart(broken: Served) -> None:
    name = await alert_id(broken)
    await broken.order(f"/api/v1/alerts/{name}/acknowledge")
    remembered = await broken.monitoring._store.load()  # what is on the disk is what counts here
    assert remembered is not None
    assert {a.acknowledged_by for i in remembered.incidents for a in i.alerts if a.id == name} == {"ann"}


@pytest.mark.parametrize("order", ["acknowledge", "resolve"])
async def test_orders_about_what_does_not_exist_are_not_found(served: Served, order: str) -> None:
    answer = await served.order(f"/api/v1/alerts/none/{order}")
    message = await served.refused(answer, 404, "not_found")
    assert message == "there is no such alert; /api/v1/alerts?state=all lists them"


@pytest.mark.parametrize("path", ["/api/v1/alerts/none/resolve", "/api/v1/nothing", "/api/v1/summary", "/nothing"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, "Bearer"),
        ({"Authorization": "Basic YTpi"}, "Bearer"),
        ({"Authorization": "Bearer"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer wrong"}, 'Bearer error="invalid_token"'),
        ({"Authorization": BEARER["Authorization"] + "x"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer t\u00f6ken"}, 'Bearer error="invalid_token"'),
    ],
)
async def test_without_the_token_nothing_is_told_of_what_exists(
    served: Served, path: str, method: str, headers: dict[str, str], challenge: str
) -> None:
    answer = await served.client.request(method, path, headers=headers, data=b"not even json")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == challenge
    if path.startswith("/api/"):
        await served.refused(answer, 401, "unauthorized")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:10142", "127.0.0.1.evil.example", "[::1", "[evil]", "", "localhost@evil.example"],
)
async def test_a_name_that_was_made_to_point_here_cannot_give_orders_even_with_the_token(
    served: Served, host: str
) -> None:
    answer = await served.order("/api/v1/alerts/none/resolve", headers={**BEARER, "Host": host})
    await served.refused(answer, 403, "forbidden")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:10142", "[::1]:10142", "localhost", "LOCALHOST:1", "monitor.example", "Monitor.Example.:443"]
)
async def test_addresses_and_the_names_of_this_host_may_give_orders(served: Served, host: str) -> None:
    answer = await served.order("/api/v1/alerts/none/resolve", headers={**BEARER, "Host": host})
    await served.refused(answer, 404, "not_found")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_form_of_another_page_is_no_order(broken: Served, content_type: str) -> None:
    name = await alert_id(broken)
    answer = await broken.client.post(
        f"/api/v1/alerts/{name}/resolve",
        data=b'{"by": "ann"}',
        headers={**BEARER, "Content-Type": content_type},
    )
    await broken.refused(answer, 415, "unsupported_media_type")
    assert (await broken.data("/api/v1/alerts?service=rds"))[0]["resolved_at"] is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 10_000, "the body is not JSON"),
        (b'["by"]', "the body must be a JSON object"),
        (b"{}", "by must be a name of 1 to 128 printable characters"),
        (b'{"by": ""}', "by must be a name of 1 to 128 printable characters"),
        (b'{"by": " "}', "by must be a name of 1 to 128 printable characters"),
        (b'{"by": 5}', "by must be a name of 1 to 128 printable characters"),
        (b'{"by": "a\\nb"}', "by must be a name of 1 to 128 printable characters"),
        (b'{"by": "\\ud800"}', "by must be a name of 1 to 128 printable characters"),
        (b'{"by": "' + b"a" * 129 + b'"}', "by must be a name of 1 to 128 printable characters"),
        (b'{"by": "ann", "at": 5}', "unknown key 'at'; known here: by, note"),
    ],
)
async def test_a_body_that_is_not_as_agreed_changes_nothing_and_says_why(
    broken: Served, body: bytes, message: str
) -> None:
    name = await alert_id(broken)
    answer = await broken.client.post(
        f"/api/v1/alerts/{name}/resolve", data=body, headers={**BEARER, "Content-Type": "application/json"}
    )
    assert await broken.refused(answer, 400, "bad_request") == message
    assert (await broken.data("/api/v1/alerts?service=rds"))[0]["resolved_at"] is None


async def test_a_body_beyond_16_kilobytes_is_refused(served: Served) -> None:
    body: dict[str, Any] = {"by": "a" * MAX_BODY_BYTES}
    answer = await served.order("/api/v1/alerts/none/resolve", json=body)
    assert await served.refused(answer, 413, "too_large") == "the body is longer than 16384 bytes"


async def test_an_unknown_parameter_of_an_order_is_refused(served: Served) -> None:
    answer = await served.order("/api/v1/alerts/none/resolve?force=1")
    await served.refused(answer, 400, "bad_request")


async def test_an_order_that_cannot_be_kept_is_not_carried_out(broken: Served, tmp_path: Path) -> None:
    name = await alert_id(broken)
    connection = broken.monitoring._store._connection  # so that the disk really refuses
    await asyncio.get_running_loop().run_in_executor(
        broken.monitoring._store._writer, connection.execute, "PRAGMA query_only = ON"
    )
    answer = await broken.order(f"/api/v1/alerts/{name}/acknowledge")
    await broken.refused(answer, 503, "unavailable")
    assert (await broken.data("/api/v1/alerts?service=rds"))[0]["acknowledged_by"] is None
    ask = ("ack", name, "--url", str(broken.client.make_url("/")))
    done = await asyncio.to_thread(command, *ask, more={"INFRA_MONITOR_TOKEN": TOKEN}, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (1, 1, "")
    assert "cannot be used: attempt to write a readonly database" in done.stderr
    await asyncio.get_running_loop().run_in_executor(
        broken.monitoring._store._writer, connection.execute, "PRAGMA query_only = OFF"
    )


def test_the_first_start_makes_a_token_that_only_its_owner_reads_and_later_ones_keep_it(tmp_path: Path) -> None:
    token = token_of(tmp_path)
    assert len(token) >= 32
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "token").read_text() == token + "\n"
    assert token_of(tmp_path) == token
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_two_state_directories_have_different_tokens(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert token_of(first) != token_of(second)


def test_a_token_half_made_by_a_crash_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "token.new").write_text("hal")
    assert token_of(tmp_path) == token_of(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_token_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    token_of(tmp_path)
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(StoreError, match="token: others can read the token; remove the file"):
        token_of(tmp_path)


@pytest.mark.parametrize("text", ["", "short", "with a space in the middle", "ünlesbar-aber-lang-genug"])
def test_a_file_that_holds_no_token_is_said_to_hold_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(StoreError, match="is not a token"):
        token_of(tmp_path)


def test_a_token_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("a-long-enough-token")
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="the token cannot be kept there"):
        token_of(tmp_path)


def test_a_directory_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        token_of(tmp_path / "none")


async def test_acknowledging_twice_leaves_the_last_name(broken: Served) -> None:
    name = await alert_id(broken)
    for by in ("ann", "bob"):
        await broken.monitoring.take(AcknowledgeAlert(name, by))
    (alert,) = await broken.data("/api/v1/alerts?service=rds")
    assert alert["acknowledged_by"] == "bob"

"""Nginx's logs: followed over every kind of rotation, and what their lines say."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sources.nginx_conf import LogFormat
from monitor.sources.nginx_log import LONGEST_LINE, MOST_BYTES, Follower, LogUnreadable
from monitor.sources.nginx_log_access import Reader, Request, Window
from monitor.sources.nginx_log_errors import LogError, classify
from monitor.sources.nginx_status import parse_stub_status

DATA = Path(__file__).parents[1] / "data" / "nginx"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "error.log"
    path.write_bytes(b"from before\n")
    return path


@pytest.fixture
def follower(log: Path) -> Iterator[Follower]:
    following = Follower(str(log))
    assert following.lines() == [], "what stood there before is not news"
    yield following
    following.close()


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


class TestFollowing:
    def test_new_lines_come_once_and_whole(self, log: Path, follower: Follower) -> None:
        append(log, b"one\ntw")
        assert follower.lines() == [b"one"]
        append(log, b"o\n\xff\x00three\n")
        assert follower.lines() == [b"two", b"\xff\x00three"]
        assert follower.lines() == []

    def test_a_renamed_file_is_read_to_its_end_and_once_more(self, log: Path, follower: Follower) -> None:
        """Nginx writes to the old file until it is told to reopen."""
        append(log, b"1\n")
        old = log.rename(log.with_suffix(".1"))
        append(old, b"2\n")
        log.write_bytes(b"3\n")
        assert follower.lines() == [b"1", b"2", b"3"]
        append(old, b"4\n")
        append(log, b"5\n")
        assert follower.lines() == [b"4", b"5"]
        append(log, b"6\n")
        assert follower.lines() == [b"6"]

    def test_while_nobody_has_the_name_the_old_file_is_followed(self, log: Path, follower: Follower) -> None:
        old = log.rename(log.with_suffix(".1"))
        append(old, b"1\n")
        assert follower.lines() == [b"1"]
        append(old, b"2\n")
        assert follower.lines() == [b"2"]
        log.write_bytes(b"3\n")
        assert follower.lines() == [b"3"]

    def test_a_truncated_file_begins_anew(self, log: Path, follower: Follower) -> None:
        append(log, b"1\n")
        follower.lines()
        os.truncate(log, 0)
        append(log, b"2\n")
        assert follower.lines() == [b"2"]

    def test_a_truncated_file_that_has_grown_to_the_same_size_is_not_mistaken(
        self, log: Path, follower: Follower
    ) -> None:
        append(log, b"first line\n")
        follower.lines()
        size = log.stat().st_size
        with log.open("r+b") as file:
            file.truncate(0)
            file.write(b"x" * (size - 1) + b"\n")
        assert follower.lines() == [b"x" * (size - 1)]

    def test_of_too_much_the_newest_counts(self, log: Path, follower: Follower) -> None:
        append(log, b"".join(b"line %d\n" % number for number in range(300_000)))
        lines = follower.lines()
        assert lines[-1] == b"line 299999"
        assert sum(map(len, lines)) < MOST_BYTES
        assert lines[0].startswith(b"line ")

    def test_a_line_without_end_is_not_kept_for_ever(self, log: Path, follower: Follower) -> None:
        append(log, b"x" * (LONGEST_LINE + 1))
        assert follower.lines() == []
        append(log, b"\nnext\n")
        assert follower.lines()[-1] == b"next"

    def test_a_log_that_appears_later_is_news_from_its_beginning(self, tmp_path: Path) -> None:
        following = Follower(str(tmp_path / "late.log"))
        assert following.lines() == []
        append(tmp_path / "late.log", b"1\n")
        assert following.lines() == [b"1"]
        following.close()

    def test_what_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "socket").symlink_to("socket")
        with pytest.raises(LogUnreadable, match="symbolic links"):
            Follower(str(tmp_path / "socket")).lines()


KNOWN = {f"127.0.0.1:{port}": f"port {port}" for port in range(13001, 13101)} | {
    "up_dead": "up_dead",
    "unix:/srv/app/nginx/run/none.sock": "socket",
}


class TestErrors:
    def test_every_class_of_the_recorded_log_is_told_and_nothing_else(self) -> None:
        lines = (DATA / "sample_error.log").read_bytes().split(b"\n")
        found = Counter(error.kind for line in lines if (error := classify(line, KNOWN)) is not None)
        assert found == {
            "refused": 8, "read_timeout": 9, "closed_early": 2, "header_too_big": 1, "tls_timeout": 1, "reset": 1,
            "truncated_body": 1, "connect_timeout": 1, "invalid_answer": 2, "socket_missing": 1, "socket_denied": 1,
            "unresolvable": 2, "marked_failed": 7, "no_live_upstreams": 6, "tls_verify": 2, "configuration": 3,
            "tls": 2, "worker_connections": 5, "bind_failed": 2, "host_not_found": 1,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "upstream"),
        [
            (b'upstream: "http://127.0.0.1:13001/x", host: "h"', "port 13001"),
            (b'upstream: "http://up_dead/x"', "up_dead"),
            (b'upstream: "http://unix:/srv/app/nginx/run/none.sock:/x"', "socket"),
            (b'upstream: "http://10.9.9.9:1/x"', ""),
            (b'request: "GET /", host: "h"', ""),
            # a client writes the words itself
            (b'request: "GET /?upstream: "http://127.0.0.1:13002/", upstream: "http://127.0.0.1:13001/x"', ""),
        ],
    )
    def test_the_upstream_is_named_only_when_it_is_known_and_nobody_can_have_forged_it(
        self, text: bytes, upstream: str
    ) -> None:
        said = b"2026/11/23 18:02:17 [error] 1#1: *4 connect() failed (111: Connection refused) while connecting"
        assert classify(said + b" to upstream, client: 1.2.3.4, server: s, " + text, KNOWN) == LogError(
            "refused", upstream
        )

    def test_what_a_client_sends_is_never_taken_for_what_nginx_says(self) -> None:
        line = (
            b"2026/11/23 18:02:17 [error] 1#1: *4 open() failed (2: No such file), client: 1.2.3.4, server: s, "
            b'request: "GET /no live upstreams while connecting to upstream HTTP/1.1"'
        )
        assert classify(line, KNOWN) is None

    def test_a_mistake_of_the_configuration_has_its_place(self) -> None:
        error = classify(b'2026/11/23 18:02:17 [emerg] 1#1: unknown directive "x" in /etc/nginx/a.conf:7', {})
        assert error == LogError("configuration", own=True, text='unknown directive "x"', place="/etc/nginx/a.conf:7")

    @pytest.mark.parametrize("line", [b"", b"\xff\xfe", b"continued", b"2026/11/23 18:02:17 [notice] 1#1: start"])
    def test_anything_else_is_nothing(self, line: bytes) -> None:
        assert classify(line, {}) is None


JSON = LogFormat(
    "x",
    "json",
    '{"msec":$msec,"host":"$host","req":"$request","st":$status,"bytes":$body_bytes_sent,"ua":"$upstream_addr",'
    '"us":"$upstream_status","uct":"$upstream_connect_time","uht":"$upstream_header_time",'
    '"urt":"$upstream_response_time","rt":$request_time,"ubr":"$upstream_bytes_received","id":"$request_id",'
    '"conn":$connection,"pid":$pid}',
)


class TestAccess:
    def test_the_recorded_log_is_read_the_broken_json_too(self) -> None:
        known = {f"127.0.0.1:{port}": f"port {port}" for port in range(13001, 13200)} | {"up_dead": "up_dead"}
        reader = Reader(JSON)
        lines = (DATA / "sample_access_json.log").read_bytes().splitlines()
        read = [(line, reader.read(line, known, 1.0)) for line in lines]
        by_path = {line.split(b'"req":"')[1][:30].split()[1].decode(): found for line, found in read if found}
        assert by_path["/refused"] == Request(1.0, "port 13001", failed=True, seconds=0.0)
        assert by_path["/hang"] == Request(1.0, "port 13002", failed=True, seconds=1.001)
        assert by_path["/partial"] == Request(1.0, "port 13007", failed=False, seconds=0.001)
        for line, found in read:
            asked = re.search(rb'"ua":"([^"]*)"', line)
            assert asked is not None
            named = {each for each in re.split(", | : ", asked[1].decode()) if each in known}
            assert bool(named) == (found is not None), line
        assert sum(found is not None for _, found in read) == 27

    def test_a_format_without_upstream_fields_tells_nothing(self) -> None:
        reader = Reader(LogFormat("combined", "default", '$remote_addr - "$request" $status'))
        assert not reader.usable
        assert reader.read(b'1.2.3.4 - "GET / HTTP/1.1" 200', {}, 1.0) is None

    def test_our_own_requests_do_not_count(self) -> None:
        reader = Reader(LogFormat("x", "default", "$upstream_addr $upstream_response_time $status $http_user_agent"))
        assert reader.read(b"a:1 0.1 200 curl", {"a:1": "a"}, 1.0) == Request(1.0, "a", failed=False, seconds=0.1)
        assert reader.read(b"a:1 0.1 200 infra-monitor", {"a:1": "a"}, 1.0) is None

    def test_tries_and_redirects_add_up_and_the_last_one_answers_for_it(self) -> None:
        reader = Reader(LogFormat("x", "default", '"$upstream_addr" "$upstream_response_time" "$status"'))
        line = b'"a:1, b:2 : c:3" "0.100, 0.200 : 0.300" "200"'
        found = reader.read(line, {"a:1": "a", "c:3": "c"}, 1.0)
        assert found is not None
        assert (found.upstream, found.failed, round(found.seconds or 0, 3)) == ("c", False, 0.6)

    def test_rates_and_percentiles_are_of_the_last_minute_and_of_enough_requests(self) -> None:
        window = Window()
        window.add([Request(0.0, "a", failed=True, seconds=9.0)] * 50, 0.0)
        window.add([Request(61.0, "a", failed=n < 5, seconds=n / 100) for n in range(100)], 61.0)
        window.add([Request(61.0, "b", failed=True, seconds=None)] * 19, 61.0)
        assert set(window.summaries()) == {"a"}
        summary = window.summaries()["a"]
        assert (summary.requests, summary.error_percent) == (100, 5.0)
        assert summary.percentiles == {50: 0.5, 95: 0.95, 99: 0.99}


@pytest.mark.parametrize(
    ("page", "numbers"),
    [
        (
            b"Active connections: 1 \nserver accepts handled requests\n 16 11 10 \nReading: 0 Writing: 1 Waiting: 0 \n",
            (1, 16, 11, 10, 0, 1, 0),
        ),
        (
            b"Active connections: 1\nserver accepts handled requests t\n 16 11 10 9\nReading: 0 Writing: 1 Waiting: 0",
            (1, 16, 11, 10, 0, 1, 0),
        ),
        (b"<html>Welcome to nginx!</html>", None),
    ],
    ids=["nginx", "tengine", "another page"],
)
def test_the_counters_are_read(page: bytes, numbers: tuple[int, ...] | None) -> None:
    found = parse_stub_status(page)
    if numbers is None:
        assert found is None
    else:
        assert found is not None
        assert (
            found.active, found.accepted, found.handled, found.requests, found.reading, found.writing, found.waiting
        ) == numbers  # fmt: skip
        assert found.dropped == 5

"""PM2's frames: only constants go out, and whatever comes in becomes frames or one typed error."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.pm2_wire import LIST, MAX_REPLY_BYTES, VERSION, FrameReader, ProtocolBroken, reply_id, result
from tests.sources.fake_pm2 import frame

frames = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=15), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("request_", "method"), [(LIST, "getMonitorData"), (VERSION, "getVersion")], ids=["list", "version"]
)
def test_a_request_is_a_well_formed_call_with_one_argument(request_: object, method: str) -> None:
    """Any other arity kills PM2's daemon."""
    assert request_ in (LIST, VERSION)
    sent = LIST if request_ is LIST else VERSION
    [(body, identity)] = FrameReader().feed(sent.frame)
    assert json.loads(body.removeprefix(b"j:")) == {"type": "call", "method": method, "args": [{}]}
    assert identity == sent.id
    assert frame(body, identity) == sent.frame


@given(frames, st.data())
def test_frames_come_out_whole_however_they_are_cut(messages: list[list[bytes]], data: st.DataObject) -> None:
    stream = b"".join(frame(*arguments) for arguments in messages)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    edges = [0, *sorted(cuts), len(stream)]
    reader, seen = FrameReader(), list[tuple[bytes, ...]]()
    for start, end in pairwise(edges):
        seen += reader.feed(stream[start:end])
    assert seen == [tuple(arguments) for arguments in messages]
    assert not reader._buffer  # nothing may pile up


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_junk_ends_in_frames_or_one_typed_error_and_bounded_memory(chunks: list[bytes]) -> None:
    limit, reader = 100, FrameReader(limit=100)
    try:
        for chunk in chunks:
            for arguments in reader.feed(chunk):
                assert 1 <= len(arguments) <= 15
                assert sum(map(len, arguments)) <= limit
            assert len(reader._buffer) <= limit + 64
    except ProtocolBroken:
        pass


def test_a_frame_that_announces_too_much_is_refused_before_it_arrives() -> None:
    announcement = b"\x12" + (MAX_REPLY_BYTES + 1).to_bytes(4, "big")
    with pytest.raises(ProtocolBroken, match="larger than 16777216 bytes"):
        list(FrameReader().feed(announcement))


def test_the_limit_holds_for_all_arguments_together() -> None:
    with pytest.raises(ProtocolBroken, match="larger"):
        list(FrameReader(limit=100).feed(frame(b"a" * 60, b"b" * 60)))


@pytest.mark.parametrize("start", [b"\x10", b"\x22", b"HTTP/1.1 200 OK"], ids=["no arguments", "version 2", "http"])
def test_a_strange_first_byte_is_refused_at_once(start: bytes) -> None:
    with pytest.raises(ProtocolBroken, match="does not begin like a frame"):
        list(FrameReader().feed(start))


@pytest.mark.parametrize(
    "arguments", [(b"s:alone",), (b"j:{}", b"s:1", b"s:2"), (b"s:topic", b"j:{}"), (b"raw", b"s:1")]
)
def test_what_is_no_reply_is_no_reply(arguments: tuple[bytes, ...]) -> None:
    with pytest.raises(ProtocolBroken, match="not shaped like a reply"):
        reply_id(arguments)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"not JSON, but a secret", "not JSON"),
        (b'{"args":["secret"', "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"\xff\xfesecret", "not JSON"),
        (b"null", "not JSON"),
        (b'{"error":"secret","stack":"secret"}', "answered with an error"),
        (b'{"args":[]}', "holds no result"),
        (b'{"secret":1}', "holds no result"),
        (b'["secret"]', "holds no result"),
    ],
)
def test_a_bad_reply_is_named_without_a_byte_of_it(body: bytes, why: str) -> None:
    """Neither the text nor anything chained to it: the reply may hold every app's environment."""
    with pytest.raises(ProtocolBroken, match=why) as caught:
        result((b"j:" + body, b"s:1"))
    assert "secret" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_result_is_the_first_argument() -> None:
    assert result((b'j:{"args":[[1,2]]}', b"s:list")) == [1, 2]


@given(st.binary(max_size=60))
def test_any_body_is_a_result_or_a_typed_error(body: bytes) -> None:
    with suppress(ProtocolBroken):
        result((b"j:" + body, b"s:1"))

"""The parts of the model that are more than a field."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.config.model import Config, StateConfig, WebConfig, state_directory

CONFIG = Config.model_validate({"services": {"rds": {"checks": [{"kind": "rds"}]}}})


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:10142", "127.0.0.1", 10142),
        ("0.0.0.0:1", "0.0.0.0", 1),  # noqa: S104 — parsed, not bound
        ("[::1]:65535", "::1", 65535),
        ("[::]:80", "::", 80),
        ("localhost:8080", "localhost", 8080),
        ("monitor-1.internal.example:8080", "monitor-1.internal.example", 8080),
    ],
)
def test_listen_is_a_host_and_a_port(listen: str, host: str, port: int) -> None:
    web = WebConfig(listen=listen)
    assert (web.host, web.port) == (host, port)


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("10142", "must be host:port"),
        ("", "must be host:port"),
        ("localhost:http", "must be host:port"),
        ("localhost:", "must be host:port"),
        ("localhost:٣", "must be host:port"),
        (":10142", "for every address of this machine write 0.0.0.0:10142"),
        ("localhost:0", "the port must be 1 to 65535"),
        ("localhost:65536", "the port must be 1 to 65535"),
        ("localhost:" + "9" * 5000, "the port must be 1 to 65535"),
        ("::1:10142", "an IPv6 address stands in brackets: [::1]:10142"),
        ("[::g]:1", "not an IPv6 address"),
        ("a b:1", "neither an address nor a name"),
        ("http://a:1", "an IPv6 address stands in brackets"),
        ("-a:1", "neither an address nor a name"),
    ],
)
def test_what_is_no_host_and_port_is_refused(listen: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WebConfig(listen=listen)
    assert said in str(caught.value)


def test_the_state_directory_is_the_configured_one_before_all_others() -> None:
    config = CONFIG.model_copy(update={"state": StateConfig(directory=Path("/memory"))})
    assert state_directory(config, {"STATE_DIRECTORY": "/other"}) == Path("/memory")


def test_the_state_directory_is_systemds_the_first_of_several() -> None:
    assert state_directory(CONFIG, {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}) == Path("/var/lib/one")


def test_the_state_directory_of_root_is_in_var_lib_and_of_others_in_their_home() -> None:
    environ = {"HOME": "/home/someone"}
    at_home = Path("/home/someone/.local/state/infra-monitor")
    assert state_directory(CONFIG, environ, root=True) == Path("/var/lib/infra-monitor")
    assert state_directory(CONFIG, environ, root=False) == at_home
    assert state_directory(CONFIG, environ) == state_directory(CONFIG, environ, root=os.geteuid() == 0)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/infra-monitor"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/infra-monitor"),
        ({"HOME": "/h"}, "/h/.local/state/infra-monitor"),
    ],
)
def test_the_state_directory_of_others_follows_xdg(environ: dict[str, str], wanted: str) -> None:
    assert state_directory(CONFIG, environ, root=False) == Path(wanted)


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        CONFIG.language = "ko"  # type: ignore[misc]

"""What nobody may see, and how it is recognized wherever it is written."""

from __future__ import annotations

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from monitor.config.secrets import SHORTEST, Veil, secrets_of
from monitor.config.show import effective
from tests.config.conftest import Load


def test_every_secret_of_a_configuration_is_known(loaded: Load) -> None:
    secrets = secrets_of(
        loaded(
            """\
            databases:
              other: {host: h, name: n, user: u, password: canary-database}
              by-url: {url: "postgresql://u:canary%2Ddsn@host/name"}
            services: {rds: {checks: [{kind: rds}]}}
            notify:
              - kind: webhook
                url: "https://user:canary-user-info@hooks.example/services/T0000/canary-in-the-path?key=canary-of-a-query"
                secret: canary-signature
            """,
            {
                "DB_HOST": "h",
                "DB_NAME": "n",
                "DB_USER": "u",
                "DB_PASSWORD": "canary-env",
                "SLACK_TOKEN": "canary-token",
            },
        )
    )
    for canary in (
        "canary-database",
        "canary%2Ddsn",
        "canary-dsn",
        "canary-user-info",
        "canary-in-the-path",
        "canary-of-a-query",
        "canary-signature",
        "canary-env",
        "canary-token",
    ):
        assert canary in secrets
    assert not {"name", "/name", "host", "user", "hooks.example"} & secrets


def test_what_only_looks_like_a_url_is_a_secret_as_a_whole(loaded: Load) -> None:
    text = "services: {rds: {checks: [{kind: rds}]}}"
    assert "http://[broken-canary" in secrets_of(loaded(text, {"API_KEY": "http://[broken-canary"}))
    assert "canary-without-scheme" in secrets_of(loaded(text, {"DB_PASSWORD": "canary-without-scheme"}))


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=SHORTEST))
def test_a_secret_is_hidden_as_it_is_and_in_every_notation_that_a_line_may_use(secret: str) -> None:
    veil = Veil([secret])
    for written in (
        secret,
        repr(secret),
        repr(f'it\'s "{secret}"'),
        quote(secret, safe=""),
        json.dumps({"a": secret}, ensure_ascii=False),
        json.dumps(repr({"a": secret}), ensure_ascii=False),
    ):
        hidden = veil.over(f"<{written}>")
        assert "***" in hidden
        assert len(secret) < len(MOST_COMMON) or secret not in hidden


MOST_COMMON = "******"  # a secret of stars is hidden by stars


def test_nothing_is_hidden_when_there_is_nothing_to_hide() -> None:
    assert Veil(["short"]).over("short text") == "short text"


def test_the_secret_parts_of_a_plain_address_are_hidden_and_the_address_is_not(loaded: Load) -> None:
    """A check's address is what people want to read; it may hold a password all the same."""
    url = "http://user:p%40ssw0rd@app.test/health?app=signalcraft-nodejs&api_key=geheim1&token=geheim2&sig=geheim3"
    config = loaded(f'services: {{app: {{checks: [{{kind: http, url: "{url}"}}]}}}}')
    assert secrets_of(config) == {"p%40ssw0rd", "p@ssw0rd", "geheim1", "geheim2", "geheim3"}
    shown = effective(config, {})
    assert "url: http://user:***@app.test/health?app=signalcraft-nodejs&api_key=***&token=***&sig=***" in shown

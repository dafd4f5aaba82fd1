"""effective(): what the configuration comes to."""

from __future__ import annotations

import yaml

from monitor.config.show import duration, effective
from monitor.core.durations import parse_duration
from tests.config.conftest import Load


def test_what_is_shown_has_defaults_and_what_follows_by_nature_and_no_secret(loaded: Load) -> None:
    shown = effective(
        loaded(
            """\
            services:
              pm2: {checks: [{kind: pm2, home: /h}]}
              app:
                metadata: {note: "${DB_PASSWORD}"}
                checks: [{kind: pm2, app: x, home: /h}, {kind: rds, timeout: 250ms, every: "${E}"}]
            notify: [{kind: webhook, url: "http://u:canary-1@h/"}]
            """,
            {"DB_HOST": "h", "DB_NAME": "n", "DB_USER": "u", "DB_PASSWORD": "canary-2"},
        ),
        {"STATE_DIRECTORY": "/memory"},
    )
    assert "canary" not in shown
    data = yaml.safe_load(shown)
    assert data["state"] == {"directory": "/memory"}
    assert data["services"]["app"] == {
        "depends_on": ["pm2"],
        "discover": True,
        "metadata": {"note": "***"},
        "checks": [
            {
                "kind": "pm2",
                "name": "pm2",
                "every": "5s",
                "timeout": "2s",
                "confirm": 3,
                "recover": 2,
                "app": "x",
                "home": "/h",
            },
            {
                "kind": "rds",
                "name": "rds",
                "every": "15s",
                "timeout": "0.25s",
                "confirm": 3,
                "recover": 2,
                "missing": ["E"],
            },
        ],
    }
    assert data["notify"] == [{"kind": "webhook", "url": "***", "format": "incident", "timeout": "15s"}]


def test_durations_are_shown_so_that_they_can_be_read_again() -> None:
    for seconds in (0.001, 0.25, 1.0, 1.5, 59.0, 60.0, 90.0, 300.0, 3600.0, 86400.0, 1209600.0):
        assert parse_duration(duration(seconds)) == seconds
    assert [duration(s) for s in (90.0, 300.0, 7200.0, 172800.0)] == ["90s", "5m", "2h", "2d"]

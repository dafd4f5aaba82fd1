"""What may be said of a wiring check in the configuration, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.checks.wiring import WiringCheck


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"pool_max": 0}, "greater than or equal to 1"),
        ({"app": ""}, "at least 1 character"),
        ({"home": "relative"}, "write the whole path"),
        ({"password": "x"}, "Extra inputs"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(settings: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        WiringCheck.model_validate({"kind": "wiring", **settings})


def test_an_app_needs_its_daemon_and_its_database() -> None:
    assert WiringCheck(kind="wiring").needs == ("pm2", "database default")
    assert WiringCheck(kind="wiring", home=Path("/srv/pm2"), database="orders").needs == (
        "pm2 /srv/pm2",
        "database orders",
    )

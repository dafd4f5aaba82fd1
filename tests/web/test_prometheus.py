"""A real Prometheus scrapes the served application, under names that are as bad as names can be."""

import asyncio
import json
import subprocess
import urllib.parse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from aiohttp import ClientError, ClientSession
from aiohttp.test_utils import unused_port

from monitor.checks.base import Check, Env, Family
from monitor.core.model import Observation, Reading, Seen
from tests.web.conftest import Served

SECONDS = 30.0
BAD_NAMES = ["", "\x00null", "new\nline", 'quo"te', "back\\slash", "{}=,", "한글 🙂", "caf\udce9", "x" * 5000]


class Pump(Check):
    """A kind with one family of each type."""

    families: ClassVar[tuple[Family, ...]] = (
        Family("pressure", "infra_pump_pressure_ratio", "gauge", "Pressure."),
        Family("turns", "infra_pump_turns_total", "counter", "Turns."),
        Family("stops", "infra_pump_stops_total", "tally", "Stops."),
        Family("stroke", "infra_pump_stroke_seconds", "histogram", "Strokes.", (0.1, 1.0)),
    )
    kind: Literal["pump"] = "pump"

    async def look(self, env: Env) -> Seen:
        raise NotImplementedError


@pytest.fixture
def badly_named(served: Served) -> Served:
    """Publishes each type of metric under each of the names."""
    pressed = tuple(
        Reading(reading, 0.5, labels={"app": name})
        for reading in ("pressure", "turns", "stops", "stroke")
        for name in BAD_NAMES
    )
    served.metrics.reload({"water": (Pump(),)})
    served.metrics.looked(Observation("water", "pump", 1.7e9, 0.2, Seen(pressed)))
    return served


@pytest.fixture
async def prometheus(badly_named: Served, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a Prometheus that scrapes it each second."""
    target = f"{badly_named.client.server.host}:{badly_named.client.server.port}"
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "infra", "static_configs": [{"targets": [target]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    listen = f"127.0.0.1:{unused_port()}"
    with (tmp_path / "prometheus.log").open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 — starts at once; waited for below
            [
                "prometheus",
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address={listen}",
            ],
            stdout=output,
            stderr=output,
        )
    yield f"http://{listen}"
    process.kill()
    process.wait(timeout=20)


async def scraped(prometheus: str) -> dict[str, Any]:
    """The target as Prometheus sees it, once it was scraped twice."""
    async with ClientSession() as session, asyncio.timeout(SECONDS):
        while True:
            try:
                answer = await session.get(f"{prometheus}/api/v1/targets")
                (target,) = (await answer.json())["data"]["activeTargets"]
                if target["health"] != "unknown" and float(await value(session, prometheus, "up") or "nan") >= 0:
                    return dict(target)
            except (ClientError, ValueError, KeyError):
                pass
            await asyncio.sleep(0.2)


async def value(session: ClientSession, prometheus: str, query: str) -> str | None:
    answer = await session.get(f"{prometheus}/api/v1/query?query={urllib.parse.quote(query)}")
    result = (await answer.json())["data"]["result"]
    return str(result[0]["value"][1]) if result else None


async def test_prometheus_takes_every_series(prometheus: str) -> None:
    target = await scraped(prometheus)
    assert (target["health"], target["lastError"]) == ("up", "")
    async with ClientSession() as session:
        assert await value(session, prometheus, "up") == "1"
        assert await value(session, prometheus, 'infra_service_status{service="rds",status="healthy"}') == "1"
        assert await value(session, prometheus, "count(infra_pump_pressure_ratio)") == str(len(BAD_NAMES))
        assert await value(session, prometheus, "count(infra_pump_stroke_seconds_count)") == str(len(BAD_NAMES))
        assert await value(session, prometheus, 'infra_pump_turns_total{app="new\\nline"}') == "0.5"
        assert await value(session, prometheus, 'count({instance=~".+", exported_instance=~".+"})') is None
        dropped = "scrape_samples_scraped - scrape_samples_post_metric_relabeling"
        assert await value(session, prometheus, dropped) == "0"


async def test_promtool_has_nothing_to_say_of_the_served_metrics(badly_named: Served) -> None:
    text = await (await badly_named.client.get("/metrics")).read()
    done = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(done.communicate(text), SECONDS)
    assert (done.returncode, output) == (0, b"")

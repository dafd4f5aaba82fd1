"""PM2's ecosystem file is read and never run: what has to be computed is not guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.ecosystem import LARGEST_BYTES, PlannedApp, planned_apps, read_ecosystem
from monitor.sources.pm2_home import saved_apps

SIGNALCRAFT = """
const path = require('path')
const other = {apps: 1} // apps: [{name: 'in a comment'}]
const text = "apps: [{name: 'in a text'}]"
module.exports = {
  apps: [
    { name: 'signalcraft-nodejs', script: 'server.js', instances: 'max', cwd: '/srv/app',
      env: { SECRET: process.env.SECRET || 'canary', PORT: 3000, }, },
    { name: "signalcraft-python", cwd: path.join(__dirname, 'a, b'), instances: 2,
      env: { PORT: 9000 }, env_production: { PORT: '8000' } },
  ],
  deploy: { production: { user: 'ubuntu' } },
}
"""


def test_plain_values_are_read_and_computed_ones_are_left_out() -> None:
    assert planned_apps(SIGNALCRAFT) == (
        PlannedApp("signalcraft-nodejs", "max", 3000, "/srv/app"),
        PlannedApp("signalcraft-python", 2, 8000, ""),
    )


@pytest.mark.parametrize(
    ("app", "known"),
    [
        ("{name: 'a', instances: os.cpus().length}", PlannedApp("a")),
        ("{name: 'a', instances: 0}", PlannedApp("a", "max")),
        ("{name: 'a', instances: -1}", PlannedApp("a")),
        ("{name: 'a', instances: '4'}", PlannedApp("a", 4)),
        ("{name: 'a', env: {PORT: 3000 + 1}}", PlannedApp("a")),
        ("{name: 'a', env: {PORT: 70000}}", PlannedApp("a")),
        ("{...base, name: 'a', run() { return {name: 'b'} }}", PlannedApp("a")),
        ("{'name': `a`, /* name: 'b' */ watch: true ? ['x'] : [] }", PlannedApp("a")),
        ("{name: `a${1}`}", None),
        ("{name: 'a' + 'b'}", None),
        (r"{name: 'a\n'}", None),
        ("make({name: 'a'})", None),
        ("...more", None),
        ("[", None),
    ],
)
def test_what_would_have_to_be_run_is_not_known(app: str, known: PlannedApp | None) -> None:
    assert planned_apps(f"module.exports = {{apps: [{app}, {{name: 'last'}}]}}") in (
        ((known,) if known else ()) + (PlannedApp("last"),),
        () if app == "[" else None,
    )


@given(st.text(alphabet="apsn:[]{}(),'\"`/*\\\n 1.me$", max_size=200))
def test_no_text_harms(text: str) -> None:
    planned_apps(text)
    planned_apps(f"apps: [{text}")


@given(st.lists(st.from_regex(r"[a-z가-힣 ]{1,20}", fullmatch=True), max_size=5))
def test_json_is_an_ecosystem_too(names: list[str]) -> None:
    text = json.dumps({"apps": [{"name": name, "instances": 3} for name in names]}, ensure_ascii=False)
    assert planned_apps(text) == tuple(PlannedApp(name, 3) for name in names)


def test_depth_and_size_are_bounded(tmp_path: Path) -> None:
    assert planned_apps("apps: [" + "[" * 100_000) == ()
    (tmp_path / "ecosystem.config.js").write_text("/*" * LARGEST_BYTES)
    assert read_ecosystem(tmp_path) == ("ecosystem.config.js", ())


def test_the_first_of_the_usual_files_is_read(tmp_path: Path) -> None:
    assert read_ecosystem(tmp_path) == ("", ())
    (tmp_path / "ecosystem.json").write_text('{"apps": [{"name": "a"}]}')
    assert read_ecosystem(tmp_path) == ("ecosystem.json", (PlannedApp("a"),))


def test_a_dump_names_each_app_once_with_the_number_of_its_entries(tmp_path: Path) -> None:
    entries = [
        {"name": "web", "pm_cwd": "/srv", "env": {"PORT": "3000", "SECRET": "canary"}},
        {"name": "web", "pm_cwd": "/srv", "env": {"PORT": "3000"}},
        {"name": "logs", "pmx_module": True},
        {"name": ["no name"]},
        "nothing",
    ]
    (tmp_path / "dump.pm2").write_text(json.dumps(entries))
    assert saved_apps(tmp_path) == (PlannedApp("web", 2, 3000, "/srv"),)
    assert saved_apps(tmp_path / "nowhere") == ()

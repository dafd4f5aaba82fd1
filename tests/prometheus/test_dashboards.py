"""What can be said of Grafana's dashboards without anything running."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from monitor.cli.dashboard import DASHBOARDS, PROVISIONING
from tests.daemon.running import command
from tests.prometheus.dashboards import FOLDER, REPOSITORY, asked, board, choices, panels
from tests.prometheus.files import selectors

SCHEMA = json.loads((Path(__file__).parent / "grafana" / "dashboard.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
WIDTH = 24


def test_there_is_a_file_for_each_name_and_no_other() -> None:
    wanted = {f"{name}.json" for name in DASHBOARDS} | PROVISIONING.keys()
    assert {path.name for path in FOLDER.iterdir()} == wanted


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_types_of_grafana_take_a_dashboard(name: str) -> None:
    """By a JSON schema made of the types that Grafana 13 publishes; nothing unknown is allowed anywhere."""
    assert [(each.message, list(each.instance_path)) for each in VALIDATOR.iter_errors(board(name))] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made["panels"][0]["gridPos"].update(w="wide"),
        lambda made: made["panels"][0].update(colour="green"),
        lambda made: made["panels"][0]["options"].update(graphMode="none at all"),
        lambda made: made["panels"][0]["fieldConfig"]["defaults"].update(threshold=5),
        lambda made: made["panels"][0]["targets"][0].pop("expr"),
        lambda made: made["templating"]["list"][0].update(type="list"),
        lambda made: made.pop("schemaVersion"),
    ],
)
def test_the_schema_sees_a_mistake(spoil: Callable[[dict[str, Any]], object]) -> None:
    made = copy.deepcopy(board("overview"))
    spoil(made)
    assert not VALIDATOR.is_valid(made)


def test_every_metric_of_a_dashboard_is_documented() -> None:
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    named = {re.split("[{]", each)[0] for one in (*asked(), *choices()) for each in selectors(one.expression)}
    named.discard("__name__")
    assert len(named) > 70
    assert {name for name in named if f"| `{re.sub('_bucket$', '', name)}` |" not in page} == set()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_variable_that_is_asked_for_is_defined(name: str) -> None:
    defined = {each["name"] for each in board(name)["templating"]["list"]}
    wanted = {each for one in (*asked(), *choices()) if one.board == name for each in one.variables()}
    assert {"datasource", "host", "page"} <= defined
    assert wanted <= defined
    assert defined - wanted == {"datasource", "page"}, "asked of nobody"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_says_what_it_means_and_how_no_data_looks(name: str) -> None:
    titles = [panel["title"] for panel in panels(name)]
    assert len(set(titles)) == len(titles)
    for panel in panels(name):
        assert len(panel["title"]) <= 60, panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]
        assert panel["type"] == "state-timeline" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == [chr(ord("A") + index) for index in range(len(letters))]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fill_the_grid_and_none_lies_upon_another(name: str) -> None:
    taken = set[tuple[int, int]]()
    for panel in board(name)["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert {x for x, _ in taken} == set(range(WIDTH))
    assert len(taken) == WIDTH * (1 + max(y for _, y in taken)), "a gap"


def test_each_dashboard_leads_to_the_others_and_to_the_status_page() -> None:
    uids = set()
    for name in DASHBOARDS:
        made = board(name)
        uids.add(made["uid"])
        others, page = made["links"]
        assert (others["type"], others["tags"], others["includeVars"], others["keepTime"]) == (
            "dashboards", ["infra-monitor"], True, True,
        )  # fmt: skip
        assert made["tags"] == others["tags"]
        assert (page["type"], page["url"].split("/"), page["targetBlank"]) == (
            "link", ["${page}", "firewall"] if name == "firewall" else ["${page}"], True,
        )  # fmt: skip
        assert made["title"].startswith(f"Infra {list(DASHBOARDS).index(name) + 1}: ")
    assert len(uids) == len(DASHBOARDS)


def test_the_provisioning_files_are_what_the_guide_says() -> None:
    guide = (REPOSITORY / "docs" / "grafana.md").read_text()
    (provider,) = yaml.safe_load((FOLDER / "provider.yml").read_text())["providers"]
    assert provider["type"] == "file"
    assert f"--out {provider['options']['path']}" in guide
    (source,) = yaml.safe_load((FOLDER / "datasource.yml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")
    for kind in ("datasources", "dashboards"):
        assert f"/etc/grafana/provisioning/{kind}/infra-monitor.yaml" in guide


def test_the_command_lists_prints_and_writes_them(tmp_path: Path) -> None:
    """Without a daemon and without a configuration."""
    listed = command("dashboard", cwd=tmp_path, more={"LC_ALL": "C.UTF-8"})
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [*DASHBOARDS, *PROVISIONING]
    assert "--out DIR" in listed.stderr
    assert max(map(len, (listed.stdout + listed.stderr).splitlines())) <= 80
    for name, file in (("overview", "overview.json"), ("provider.yml", "provider.yml")):
        done = command("dashboard", name, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, (FOLDER / file).read_text(), "")
    assert command("dashboard", "other").returncode == 64

    out = tmp_path / "new" / "dashboards"
    for _ in range(2):
        done = command("dashboard", "--out", out)
        assert done.returncode == 0
        assert "provider.yml" in done.stderr
        assert done.stdout.splitlines() == [str(out / f"{name}.json") for name in DASHBOARDS]
        assert {path.name: path.read_text() for path in out.iterdir()} == {
            f"{name}.json": (FOLDER / f"{name}.json").read_text() for name in DASHBOARDS
        }


def test_the_address_of_the_status_page_can_be_given(tmp_path: Path) -> None:
    address = "https://monitor.example.com/here"
    assert command("dashboard", "--out", tmp_path, "--page", f"{address}/").returncode == 0
    for name in DASHBOARDS:
        made = json.loads((tmp_path / f"{name}.json").read_text())
        (page,) = (each for each in made["templating"]["list"] if each["name"] == "page")
        assert (page["query"], page["current"]["value"]) == (address, address)
        assert VALIDATOR.is_valid(made)
    for wrong in ("monitor.example.com", "javascript:alert(1)", 'https://x/"', "https://${host}"):
        refused = command("dashboard", "overview", "--page", wrong)
        assert (refused.returncode, refused.stdout) == (64, "")


def test_a_directory_that_cannot_be_written_is_named_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for language, said in (("C.UTF-8", "cannot be written"), ("ko_KR.UTF-8", "쓸 수 없습니다")):
        more = {"LC_ALL": language, "PYTHONIOENCODING": "utf-8"}
        done = command("dashboard", "nginx", "--out", tmp_path / "file", more=more)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert os.fspath(tmp_path / "file") in done.stderr

"""What holds for every file of the repository, whoever wrote it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
NPM = ("tests/lab/apps/node", "tests/browser")
LOCKS = ("requirements.lock", "requirements-dev.lock", *(f"{place}/package-lock.json" for place in NPM))
# Written in pieces, so that this file does not hold what it forbids.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("nodesource", "com"),
        ("archive", "ubuntu", "com"),
    )
)
PLACES_OF_ONE_MACHINE = ("/" + "work/", "/" + "root/", "/" + "Users/", "../" + "shared")
NOT_OURS = ("node_modules", "__pycache__", "dist")
LONGEST_FILE = 400


def files() -> list[Path]:
    """Ours: not what the tools and the package managers keep beside them."""
    found = []
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = [name for name in folders if name == ".ci" or not (name.startswith(".") or name in NOT_OURS)]
        found += [Path(folder, name) for name in names]
    return found


def texts() -> list[tuple[str, str]]:
    """Name and text of each of them that is text."""
    found = []
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content:
            found.append((str(path.relative_to(REPOSITORY)), content.decode(errors="replace")))
    return found


@pytest.mark.parametrize("word", [*REGISTRY_HOSTS, *PLACES_OF_ONE_MACHINE])
def test_no_file_names_a_registry_or_a_place_on_somebodys_machine(word: str) -> None:
    assert [name for name, text in texts() if word in text] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_holds_no_address(lock: str) -> None:
    assert not re.search(r"\w://|--index-url|--find-links", (REPOSITORY / lock).read_text())


@pytest.mark.parametrize("lock", LOCKS[:2])
def test_every_pinned_python_package_has_its_hashes(lock: str) -> None:
    pins = re.split(r"\n(?=[a-z0-9])", (REPOSITORY / lock).read_text())
    assert len(pins) > 10
    assert [pin.split()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_the_development_lock_installs_the_very_versions_that_users_get() -> None:
    runtime, development = (
        set(re.findall(r"^(\S+==\S+)", (REPOSITORY / lock).read_text(), re.MULTILINE)) for lock in LOCKS[:2]
    )
    assert runtime - development == set()


@pytest.mark.parametrize("place", NPM)
def test_every_pinned_npm_package_has_its_hash_and_the_lock_fits_the_manifest(place: str) -> None:
    lock = json.loads((REPOSITORY / place / "package-lock.json").read_text())["packages"]
    manifest = json.loads((REPOSITORY / place / "package.json").read_text())
    assert [name for name, entry in lock.items() if name and not entry["integrity"].startswith("sha512-")] == []
    assert lock[""]["dependencies"] == manifest["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in manifest["dependencies"].values())


def test_files_stay_short_enough_to_be_read() -> None:
    code = [(name, text) for name, text in texts() if Path(name).suffix in {".py", ".js", ".sh", ".html", ".css"}]
    assert {name: lines for name, text in code if (lines := text.count("\n")) > LONGEST_FILE} == {}


def test_every_module_of_the_product_begins_by_saying_what_it_is_for() -> None:
    modules = [(name, text) for name, text in texts() if name.startswith("monitor/") and name.endswith(".py")]
    assert [name for name, text in modules if not text.startswith('"""')] == []


def test_every_exception_to_the_lint_gives_its_reason() -> None:
    bare = re.compile(r"# noqa: [A-Z0-9, ]+$|# noqa$|# type: ignore$", re.MULTILINE)
    assert [name for name, text in texts() if name.endswith(".py") and bare.search(text)] == []


def test_what_ci_runs_can_be_run() -> None:
    assert (REPOSITORY / ".ci/run").stat().st_mode & 0o111

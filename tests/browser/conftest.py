"""Debian's Chromium in front of a real daemon that watches the lab; who looks is a user of it, or has not logged in."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bcrypt
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS
from tests.daemon.running import wait_for
from tests.daemon.watched import Watched, watching
from tests.lab.fixtures import lab
from tests.lab.lab import Lab

__all__ = ["lab"]

USER, PASSWORD = "ann", "correct horse"
PATIENCE_SECONDS = 60.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, help="write pictures of every page into this directory")


@dataclass
class House:
    """The daemon, and who may ask it."""

    watched: Watched
    token: str

    @property
    def lab(self) -> Lab:
        return self.watched.lab

    @property
    def url(self) -> str:
        return self.watched.daemon.url

    def ask(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """The data that the API answers to whoever has the token."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())["data"]

    def statuses(self) -> dict[str, str]:
        return {each["name"]: each["status"] for each in self.ask("/api/v1/services")}

    def is_healthy(self) -> bool:
        return set(self.statuses().values()) == {"healthy"} and not self.ask("/api/v1/incidents")

    @contextmanager
    def broken(self, fault: str) -> Iterator[dict[str, Any]]:
        """With the fault, and its open incident with its cause; healed and healthy again afterwards."""
        self.lab.break_(fault)
        try:
            yield wait_for(self._told, seconds=PATIENCE_SECONDS)
        finally:
            self.lab.heal(fault)
            wait_for(self.is_healthy, seconds=PATIENCE_SECONDS, every=0.3)

    def _told(self) -> dict[str, Any] | None:
        found = self.ask("/api/v1/incidents")
        return next((each for each in found if each["cause"]), None)


@dataclass
class Sight:
    """A page with all that must not happen on it."""

    page: Page
    house: House
    troubles: list[str] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._trouble(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, said: ConsoleMessage) -> None:
        """Errors, and refusals of the policy. To be asked who one is, or what to write differently, is none."""
        expected = any(answer in said.text for answer in ("a status of 401 ", "a status of 422 "))
        if said.type in ("error", "warning") and not expected:
            self._trouble(f"console: {said.text}")

    def _trouble(self, text: str) -> None:
        self.troubles.append(text)

    def _response(self, answer: Response) -> None:
        self.answers.append(answer)

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != urlsplit(self.house.url).netloc:
            self._trouble(f"asks somebody else: {request.url}")

    def open(self, path: str) -> Page:
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == 200, (path, answer.status)
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module: as long as it is open this thread has a running loop, and other modules need their own."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium; make setup installs it there")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def house(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Everything healthy, watched by a daemon that has one user."""
    places, directory = lab.places, tmp_path_factory.mktemp("house")
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    users = places.directory / "web.yml"
    users.write_text(f"basic_auth_users: {{{USER}: '{hashed}'}}\n")
    config = places.directory / "guarded.yaml"
    text = places.monitor_config.read_text()
    config.write_text(text.replace("web: {", 'web: {config_file: "web.yml", ', 1))
    with watching(lab, log=directory / "daemon.log", config=config) as watched:
        there = House(watched, (places.monitor_state / "token").read_text().strip())
        wait_for(there.is_healthy, seconds=PATIENCE_SECONDS)
        yield there
    for path in (users, config):
        path.unlink()


@contextmanager
def looking(browser: Browser, house: House, **settings: Any) -> Iterator[Sight]:
    """A browser window of its own, logged in, closed at the end; then nothing untoward may have happened."""
    context = window(browser, base_url=house.url, **settings)
    try:
        sight = Sight(context.new_page(), house)
        yield sight
        assert sight.troubles == []
    finally:
        context.close()


def window(browser: Browser, **settings: Any) -> BrowserContext:
    usual = {"http_credentials": {"username": USER, "password": PASSWORD}, "reduced_motion": "reduce"}
    made = browser.new_context(**{**usual, **settings})
    made.set_default_timeout(PATIENCE_SECONDS * 1000)
    return made

"""AWS, asked by a short-lived child process: boto3 costs nothing while nobody looks, and always ends in time."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final

from monitor.sources.aws_answer import Foreign, Neighbours, Surroundings, read_firewall, read_neighbours, read_token
from monitor.sources.child import Said, ask

__all__ = ["Aws", "AwsSilent", "Neighbours", "Surroundings", "source_address"]

HARD_END_SECONDS: Final = 15.0
_CHILD: Final = "monitor.sources.aws_child"
_PASSED_ON: Final = (
    "HOME", "PATH", "LANG", "TZ", "TMPDIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""Besides everything that begins with AWS_. The database's password is none of boto3's business."""


class AwsSilent(Exception):  # noqa: N818 — it says nothing about the rules, only that we do not know them
    """Anything short of a well-formed answer. `reason` is a word for programs, the text a sentence for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Aws:
    """How AWS is reached: with the credentials that boto3 finds in `environ` and through it; `region` where an endpoint
    does not name it; at `endpoint_url` instead of AWS' own addresses."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        self._environ = environ or {}
        self._region = region
        self._endpoint_url = endpoint_url

    def is_reached_alike(self, other: Aws) -> bool:
        """Whether the other one would ask the same AWS in the same way."""
        return (self._region, self._endpoint_url, self._child_environment()) == (
            other._region,
            other._endpoint_url,
            other._child_environment(),
        )

    async def surroundings(
        self, endpoint: str, addresses: tuple[str, ...], *, groups: tuple[str, ...] | None, deadline: float
    ) -> Surroundings:
        """The database behind `endpoint`, this host, and the rules between them, by `deadline` (on the loop's clock).
        `groups` are those of this host where its metadata service shall not be asked. Raises AwsSilent."""
        host = None if groups is None else {"groups": list(groups)}
        question = {"ask": "firewall", "endpoint": endpoint, "addresses": list(addresses), "host": host}
        answer = await self._ask(question, deadline)
        try:
            return read_firewall(answer)
        except Foreign as foreign:
            raise AwsSilent("foreign", f"AWS' answer cannot be understood: {foreign}") from foreign

    async def neighbours(self, endpoint: str, *, deadline: float) -> Neighbours:
        """Who this host is, and which databases are in the region that `endpoint` names, else in its own, by `deadline`
        (on the loop's clock). Raises AwsSilent."""
        answer = await self._ask({"ask": "neighbours", "endpoint": endpoint}, deadline)
        try:
            return read_neighbours(answer)
        except Foreign as foreign:
            raise AwsSilent("foreign", f"AWS' answer cannot be understood: {foreign}") from foreign

    async def token(self, host: str, port: int, user: str, *, deadline: float) -> str:
        """A password for IAM login as `user`, good for 15 minutes. Raises AwsSilent."""
        answer = await self._ask({"ask": "token", "endpoint": host, "port": port, "user": user}, deadline)
        try:
            return read_token(answer)
        except Foreign as foreign:
            raise AwsSilent("foreign", f"no token was made: {foreign}") from foreign

    async def _ask(self, question: Mapping[str, Any], deadline: float) -> Any:
        whole = {**question, "region": self._region, "endpoint_url": self._endpoint_url}
        began = asyncio.get_running_loop().time()
        until = min(deadline, began + HARD_END_SECONDS)
        try:
            return _answer(await ask(_CHILD, whole, environ=self._child_environment(), deadline=until))
        except TimeoutError:
            raise AwsSilent("timeout", f"AWS did not answer within {until - began:.0f} s") from None

    def _child_environment(self) -> dict[str, str]:
        return {
            name: value
            for name, value in self._environ.items()
            if name in _PASSED_ON or name.startswith(("AWS_", "LC_", "PYTHON"))
        }


def source_address(destination: str, port: int) -> str | None:
    """The address that packets to this destination leave from. Connecting over UDP sends nothing."""
    family = socket.AF_INET6 if ip_address(destination).version == 6 else socket.AF_INET  # noqa: PLR2004 — IPv6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((destination, port))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _answer(said: Said) -> Any:
    try:
        found = json.loads(said.answer)
        if "answer" in found:
            return found["answer"]
        trouble = found["trouble"]
        raise AwsSilent(str(trouble["reason"]), str(trouble["text"]))
    except (ValueError, KeyError, TypeError):
        raise AwsSilent("crashed", f"the program that asks AWS ended with {said.code}: {said.last_words}") from None

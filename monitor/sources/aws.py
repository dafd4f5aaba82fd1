"""AWS, asked by a short-lived child process: boto3 costs nothing while nobody looks, and always ends in time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from monitor.sources.aws_answer import Foreign, Surroundings, read_firewall, read_token

__all__ = ["Aws", "AwsSilent", "Surroundings", "source_address"]

HARD_END_SECONDS: Final = 15.0
_CHILD: Final = "monitor.sources.aws_child"
_PACKAGES: Final = str(Path(__file__).parents[2])
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

    async def token(self, host: str, port: int, user: str, *, deadline: float) -> str:
        """A password for IAM login as `user`, good for 15 minutes. Raises AwsSilent."""
        answer = await self._ask({"ask": "token", "endpoint": host, "port": port, "user": user}, deadline)
        try:
            return read_token(answer)
        except Foreign as foreign:
            raise AwsSilent("foreign", f"no token was made: {foreign}") from foreign

    async def _ask(self, question: Mapping[str, Any], deadline: float) -> Any:
        loop = asyncio.get_running_loop()
        whole = {**question, "region": self._region, "endpoint_url": self._endpoint_url}
        began = loop.time()
        until = min(deadline, began + HARD_END_SECONDS)
        # -P: the working directory is nobody's library
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", _CHILD,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=self._child_environment(), start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout_at(until):
                said, noise = await child.communicate(json.dumps(whole).encode())
        except TimeoutError:
            raise AwsSilent("timeout", f"AWS did not answer within {until - began:.0f} s") from None
        finally:
            await _end(child)  # also when nobody waits for the answer any more
        return _answer(said, noise, child.returncode)

    def _child_environment(self) -> dict[str, str]:
        passed = {
            name: value
            for name, value in self._environ.items()
            if name in _PASSED_ON or name.startswith(("AWS_", "LC_", "PYTHON"))
        }
        return passed | {"PYTHONPATH": os.pathsep.join((_PACKAGES, *filter(None, [passed.get("PYTHONPATH")])))}


def source_address(destination: str, port: int) -> str | None:
    """The address that packets to this destination leave from. Connecting over UDP sends nothing."""
    family = socket.AF_INET6 if ip_address(destination).version == 6 else socket.AF_INET  # noqa: PLR2004 — IPv6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((destination, port))
        except OSError:
            return None
        return str(probe.getsockname()[0])


async def _end(child: asyncio.subprocess.Process) -> None:
    """The child and whatever it has started (a profile may name a credential program)."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def _answer(said: bytes, noise: bytes, code: int | None) -> Any:
    try:
        found = json.loads(said)
        if "answer" in found:
            return found["answer"]
        trouble = found["trouble"]
        raise AwsSilent(str(trouble["reason"]), str(trouble["text"]))
    except (ValueError, KeyError, TypeError):
        last = (noise.decode(errors="replace").strip().splitlines() or ["nothing said"])[-1]
        raise AwsSilent("crashed", f"the program that asks AWS ended with {code}: {last[:200]}") from None

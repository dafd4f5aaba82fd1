"""What an EC2 instance knows of itself: its network interfaces, from the metadata service (version 2), without IAM.

Standard library only, and blocking: it runs in the child process that asks AWS.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 1.0
SESSION_SECONDS: Final = 60
_IPV4: Final = "http://169.254.169.254"
_IPV6: Final = "http://[fd00:ec2::254]"
_MACS: Final = "network/interfaces/macs/"
_MAC: Final = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_GROUP: Final = re.compile(r"sg-[A-Za-z0-9-]+")


class NoMetadata(Exception):  # noqa: N818 — most machines have none; it is a finding
    """Nobody answers, or it is not the metadata service that does. The text says which."""


class Metadata:
    """One conversation with the metadata service. As a context manager it begins with the token."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._disabled = environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
        usual = _IPV6 if environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "").lower() == "ipv6" else _IPV4
        self.endpoint = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or usual
        parts = urlsplit(self.endpoint)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port or http.client.HTTP_PORT, timeout=TIMEOUT_SECONDS
        )
        self._root = parts.path.rstrip("/")
        self._token = ""

    def __enter__(self) -> Self:
        if self._disabled:
            raise NoMetadata("the metadata service is switched off (AWS_EC2_METADATA_DISABLED)")
        ttl = {"X-aws-ec2-metadata-token-ttl-seconds": str(SESSION_SECONDS)}
        status, body = self._ask("PUT", "/latest/api/token", ttl)
        if status != http.client.OK or not body or len(body.split()) != 1 or "<" in body:
            raise NoMetadata(f"what answers at {self.endpoint} is not the metadata service (HTTP {status})")
        self._token = body
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def interfaces(self) -> list[dict[str, Any]]:
        """Each with its id, addresses, public addresses, groups, and the ranges of its VPC. Raises NoMetadata."""
        macs = [line.rstrip("/") for line in self._lines(_MACS)]
        if not macs or not all(_MAC.fullmatch(mac) for mac in macs):
            raise NoMetadata(f"{self.endpoint} names no network interface of this instance")
        return [self._interface(mac) for mac in macs]

    def region(self) -> str | None:
        """The region this instance is in."""
        return self._value("placement/region")

    def _interface(self, mac: str) -> dict[str, Any]:
        groups = self._lines(f"{_MACS}{mac}/security-group-ids")
        if not groups or not all(_GROUP.fullmatch(group) for group in groups):
            raise NoMetadata(f"{self.endpoint} names no security group of interface {mac}")
        return {
            "id": self._value(f"{_MACS}{mac}/interface-id") or mac,
            "primary": self._value(f"{_MACS}{mac}/device-number") == "0",
            "addresses": [*self._addresses(mac, "local-ipv4s"), *self._addresses(mac, "ipv6s")],
            "public": self._addresses(mac, "public-ipv4s"),
            "groups": groups,
            "vpc": self._value(f"{_MACS}{mac}/vpc-id"),
            "vpc_ranges": self._lines(f"{_MACS}{mac}/vpc-ipv4-cidr-blocks"),
        }

    def _addresses(self, mac: str, kind: str) -> list[str]:
        found = self._lines(f"{_MACS}{mac}/{kind}")
        try:
            return [str(ip_address(each)) for each in found]
        except ValueError:
            raise NoMetadata(f"{self.endpoint} gives {kind} of {mac} that are no addresses") from None

    def _lines(self, path: str) -> list[str]:
        return (self._value(path) or "").split()

    def _value(self, path: str) -> str | None:
        """None where there is none: an interface without a public address has no such entry."""
        headers = {"X-aws-ec2-metadata-token": self._token}
        status, body = self._ask("GET", f"/latest/meta-data/{path}", headers)
        if status == http.client.NOT_FOUND:
            return None
        if status != http.client.OK:
            raise NoMetadata(f"the metadata service answers {status} for {path}")
        return body.strip()

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        try:
            self._connection.request(method, self._root + path, headers=dict(headers))
            response = self._connection.getresponse()
            return response.status, response.read(65536).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise NoMetadata(
                f"no metadata service answers at {self.endpoint} ({type(error).__name__}); "
                "in a container its hop limit must be 2"
            ) from None

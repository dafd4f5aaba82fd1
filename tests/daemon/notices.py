"""What a receiver makes of a webhook: its own check of the signature, after the Standard Webhooks text."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Taken:
    """One request that was signed as it should be."""

    id: str
    kind: str
    incident: dict[str, Any]
    at: float


def taken(requests: Iterable[dict[str, Any]], secret: str) -> list[Taken]:
    """Every request that was answered 200, in order of arrival. Fails on a wrong signature."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    found = []
    for request in requests:
        headers = {name.lower(): value for name, value in request["headers"].items()}
        identity, stamp = headers["webhook-id"], headers["webhook-timestamp"]
        digest = hmac.digest(key, f"{identity}.{stamp}.{request['body']}".encode(), hashlib.sha256)
        assert f"v1,{base64.b64encode(digest).decode()}" in headers["webhook-signature"].split()
        assert abs(request["at"] - int(stamp)) < 60
        body = json.loads(request["body"])
        if request["answer"] == "ok":
            kind = body["type"].removeprefix("incident.")
            found.append(Taken(identity, kind, body["data"]["incident"], request["at"]))
    return found

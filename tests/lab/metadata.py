"""An instance-metadata service as an EC2 instance has it: version 2 only, no answer without a token.

`python -m tests.lab.metadata --port 1234 --tree FILE`: the tree is read for each question, so that it can be changed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = "/latest/meta-data/"
MACS = "network/interfaces/macs/"
MAC = "02:00:00:00:00:0a"


def tree(
    *,
    groups: list[str],
    addresses: list[str],
    public: list[str] | None = None,
    ipv6: list[str] | None = None,
    mac: str = MAC,
    device: int = 0,
    vpc: str = "vpc-app",
    ranges: list[str] | None = None,
) -> dict[str, str]:
    """What the service says of an instance with one interface."""
    about = {
        "interface-id": f"eni-{device}",
        "device-number": str(device),
        "local-ipv4s": "\n".join(addresses),
        "public-ipv4s": "\n".join(public or ()),
        "ipv6s": "\n".join(ipv6 or ()),
        "security-group-ids": "\n".join(groups),
        "vpc-id": vpc,
        "vpc-ipv4-cidr-blocks": "\n".join(ranges or ["10.0.0.0/16"]),
    }
    told = {f"{MACS}{mac}/{key}": value for key, value in about.items() if value}
    return {MACS: f"{mac}/", "placement/region": "ap-northeast-2", **told}


def server(ask: Callable[[], Mapping[str, str]], *, port: int = 0) -> ThreadingHTTPServer:
    """A server, not yet serving; port 0 chooses a free one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            known = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            self._answer(200 if known else 400, "the-token" if known else "")

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != "the-token":
                self._answer(401, "")
                return
            value = ask().get(self.path.removeprefix(ROOT))
            self._answer(404 if value is None else 200, value or "")

        def _answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    made.daemon_threads = True
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tree", type=Path, required=True)
    arguments = parser.parse_args()
    with server(lambda: json.loads(arguments.tree.read_text()), port=arguments.port) as serving:
        serving.serve_forever()


if __name__ == "__main__":
    main()

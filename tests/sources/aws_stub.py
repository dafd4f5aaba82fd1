"""An AWS that misbehaves on order: it answers each action with what the test says, and a well-formed default else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

ENDPOINT = "signalcraft.abc.ap-northeast-2.rds.amazonaws.com"

INSTANCES = f"""<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult>
<DBInstances><DBInstance><DBInstanceIdentifier>signalcraft</DBInstanceIdentifier>
<DBInstanceStatus>available</DBInstanceStatus><PubliclyAccessible>false</PubliclyAccessible>
<Endpoint><Address>{ENDPOINT}</Address><Port>5432</Port></Endpoint>
<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-db</VpcSecurityGroupId><Status>active</Status>
</VpcSecurityGroupMembership></VpcSecurityGroups></DBInstance></DBInstances>
</DescribeDBInstancesResult></DescribeDBInstancesResponse>"""

_EC2 = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'


def groups(ingress: str, *, also: str = "") -> str:
    """`sg-db` with this ingress, and `sg-app` that may go anywhere."""
    anywhere = "<item><ipProtocol>-1</ipProtocol><groups/><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>"
    anywhere += "<ipv6Ranges/><prefixListIds/></item>"
    items = "".join(
        f"<item><ownerId>111122223333</ownerId><groupId>{name}</groupId><groupName>{name}</groupName>"
        f"<ipPermissions>{rules}</ipPermissions><ipPermissionsEgress>{anywhere}</ipPermissionsEgress></item>"
        for name, rules in (("sg-db", ingress), ("sg-app", ""))
    )
    body = f"<securityGroupInfo>{items}{also}</securityGroupInfo>"
    return f"<DescribeSecurityGroupsResponse {_EC2}>{body}</DescribeSecurityGroupsResponse>"


def permission(*, group: str = "", cidr: str = "", prefix_list: str = "", more: str = "") -> str:
    """TCP 5432 from one source."""
    pair = f"<item><userId>111122223333</userId><groupId>{group}</groupId>{more}</item>" if group else ""
    ranges = f"<item><cidrIp>{cidr}</cidrIp></item>" if cidr else ""
    lists = f"<item><prefixListId>{prefix_list}</prefixListId></item>" if prefix_list else ""
    return (
        "<item><ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort>"
        f"<groups>{pair}</groups><ipRanges>{ranges}</ipRanges><ipv6Ranges/><prefixListIds>{lists}</prefixListIds></item>"
    )


def ec2_error(code: str, message: str = "no") -> str:
    return f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"


def rds_error(code: str, message: str = "no") -> str:
    error = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
    return f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"


@dataclass
class Reply:
    """What is answered; after `seconds`, and with that Date where it is not the true one."""

    body: str
    status: int = 200
    seconds: float = 0.0
    date: str = ""


@dataclass
class Stub:
    """`replies` by action; `asked` is what was asked, in order."""

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def reply(self, action: str) -> Reply:
        usual = {"DescribeDBInstances": INSTANCES, "DescribeSecurityGroups": groups(permission(group="sg-app"))}
        return self.replies.get(action) or self.replies.get("*") or Reply(usual[action])


@contextmanager
def stub() -> Iterator[Stub]:
    told = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            action = form["Action"][0]
            told.asked.append(action)
            reply = told.reply(action)
            time.sleep(reply.seconds)
            body = reply.body.encode()
            try:
                self.send_response_only(reply.status)
                self.send_header("Date", reply.date or self.date_time_string())
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # whoever asked has gone: that is what the test is about

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        told.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()

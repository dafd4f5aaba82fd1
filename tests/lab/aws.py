"""AWS in the lab: moto over HTTP, with one database, the group that guards it, and the group of the application."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab import metadata
from tests.lab.places import HOST, REPOSITORY, Places
from tests.lab.processes import detach, environment, wait_until
from tests.lab.reach import answers

REGION = "ap-northeast-2"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}
MOTO = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}  # they take two seconds to load, and nobody asks for them
MOTO_SERVER = Path(sys.executable).parent / "moto_server"
INSTANCE = "signalcraft"


class Aws:
    """One region of an AWS that answers at `url`."""

    def __init__(self, url: str) -> None:
        import boto3  # noqa: PLC0415 — a quarter of a second, only where AWS is furnished or broken

        session = boto3.Session("lab", "lab", region_name=REGION)
        self.ec2: Any = session.client("ec2", endpoint_url=url)
        self.rds: Any = session.client("rds", endpoint_url=url)

    def group(self, name: str) -> str:
        """A new group without any rule for what comes in."""
        made = self.ec2.create_security_group(GroupName=name, Description=name)
        return str(made["GroupId"])

    def database(self, name: str, port: int, groups: Iterable[str], *, public: bool = False) -> str:
        """A new instance; its endpoint."""
        made = self.rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage=20,
            MasterUsername="postgres",
            MasterUserPassword="not-used-here",
            Port=port,
            VpcSecurityGroupIds=list(groups),
            PubliclyAccessible=public,
        )
        return str(made["DBInstance"]["Endpoint"]["Address"])

    def allow(self, group: str, port: int, *ranges: str, source: str | None = None) -> None:
        """Let in, by ranges of addresses or by a group. To do it twice is no error."""
        with self._harmless("InvalidPermission.Duplicate"):
            permission = _permission(port, ranges, source)
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])

    def revoke(self, group: str, port: int, *ranges: str, source: str | None = None) -> None:
        """Take that away again."""
        with self._harmless("InvalidPermission.NotFound"):
            permission = _permission(port, ranges, source)
            self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])

    @contextmanager
    def _harmless(self, code: str) -> Iterator[None]:
        try:
            yield
        except self.ec2.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != code:
                raise


def _permission(port: int, ranges: Iterable[str], source: str | None) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": each} for each in ranges],
        "UserIdGroupPairs": [{"GroupId": source}] if source else [],
    }


@contextmanager
def moto(port: int) -> Iterator[str]:
    """A server of its own for a test session, ended with it."""
    command = [str(MOTO_SERVER), "-H", HOST, "-p", str(port)]
    with subprocess.Popen(
        command, env=os.environ | MOTO, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_until(lambda: answers(f"http://{HOST}:{port}/moto-api/"), "moto")
            yield f"http://{HOST}:{port}"
        finally:
            server.kill()


def start(places: Places) -> None:
    """Both servers, and the world in them: the database lets in the application's group and nobody else."""
    environ = environment(places.directory, **MOTO)
    command = [str(MOTO_SERVER), "-H", HOST, "-p", str(places.aws_port)]
    detach(command, environ=environ, cwd=places.directory, log=places.directory / "moto.log")
    wait_until(lambda: answers(f"{places.aws}/moto-api/"), "moto")
    aws = Aws(places.aws)
    app, database = aws.group("signalcraft-ec2"), aws.group("signalcraft-rds")
    aws.allow(database, places.postgres_port, source=app)
    endpoint = aws.database(INSTANCE, places.postgres_port, [database])
    places.aws_record.write_text(json.dumps({"app": app, "database": database, "endpoint": endpoint}))
    tree = metadata.tree(groups=[app], addresses=["10.0.1.10", HOST])
    places.metadata_tree.write_text(json.dumps(tree))
    command = [sys.executable, "-m", "tests.lab.metadata", "--port", str(places.metadata_port)]
    command += ["--tree", str(places.metadata_tree)]
    detach(command, environ=environ, cwd=REPOSITORY, log=places.directory / "metadata.log")


def record(places: Places) -> dict[str, str]:
    """The ids of both groups, and the endpoint."""
    found: dict[str, str] = json.loads(places.aws_record.read_text())
    return found


def revoke_rule(places: Places) -> None:
    """The application's group may not come in any more."""
    known = record(places)
    Aws(places.aws).revoke(known["database"], places.postgres_port, source=known["app"])


def restore_rule(places: Places) -> None:
    """It may again."""
    known = record(places)
    Aws(places.aws).allow(known["database"], places.postgres_port, source=known["app"])


def open_to(places: Places, *ranges: str) -> None:
    """Everybody in these ranges may come in, too."""
    Aws(places.aws).allow(record(places)["database"], places.postgres_port, *ranges)


def close_to(places: Places, *ranges: str) -> None:
    """They may no more."""
    Aws(places.aws).revoke(record(places)["database"], places.postgres_port, *ranges)


def deny(places: Places) -> None:
    """From the next call on AWS asks who we are, and does not know us."""
    _ask_who(places, "0")


def permit(places: Places) -> None:
    """AWS answers everybody again."""
    _ask_who(places, "inf")


def _ask_who(places: Places, after_calls: str) -> None:
    headers = {"Content-Type": "text/plain"}  # what Python sends otherwise is read as a form, and is empty then
    request = urllib.request.Request(f"{places.aws}/moto-api/reset-auth", after_calls.encode(), headers, method="POST")
    urllib.request.urlopen(request, timeout=5).close()


def describe_rule(places: Places, words: str) -> None:
    """Another description of the rule that lets the application in, which changes nothing."""
    known = record(places)
    pair = {"GroupId": known["app"], "Description": words}
    permission = {"IpProtocol": "tcp", "FromPort": places.postgres_port, "ToPort": places.postgres_port}
    Aws(places.aws).ec2.update_security_group_rule_descriptions_ingress(
        GroupId=known["database"], IpPermissions=[{**permission, "UserIdGroupPairs": [pair]}]
    )


def open_other_port(places: Places, port: int) -> None:
    """The whole world may reach another port."""
    Aws(places.aws).allow(record(places)["database"], port, "0.0.0.0/0")


def close_other_port(places: Places, port: int) -> None:
    """It may no more."""
    Aws(places.aws).revoke(record(places)["database"], port, "0.0.0.0/0")

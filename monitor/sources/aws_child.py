"""Asks AWS one question and ends: a program of its own, because boto3 stays big and cannot be interrupted.

A question comes as JSON on stdin, one answer goes as JSON to stdout: `{"answer": …}` or `{"trouble": {reason, text}}`.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import boto3
from botocore.config import Config

from monitor.sources.aws_calls import Calls, Json, region_of
from monitor.sources.aws_trouble import Trouble, told_as_trouble
from monitor.sources.imds import Metadata, NoMetadata

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 4
ATTEMPTS: Final = 2


class _Instance:
    """What the metadata service says, or why it says nothing; asked while boto3's own preparations run."""

    def __init__(self, *, interfaces: bool) -> None:
        self.region: str | None = None
        self.interfaces: list[Json] = []
        self.absent = ""
        try:
            with Metadata(os.environ) as metadata:
                self.region = metadata.region()
                self.interfaces = metadata.interfaces() if interfaces else []
        except NoMetadata as error:
            self.absent = str(error)


def firewall(question: Json) -> Json:
    """Who is behind the endpoint, who are we, and which rules stand between us."""
    configured = question["host"]
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(_Instance, interfaces=configured is None)
        session = _session()
        instance = asking.result()
    _ask_no_more(instance)
    region = _region(question, session, instance)
    calls = Calls(_client(session, "ec2", region, question), _client(session, "rds", region, question), region)
    _credentials(session)
    interfaces = instance.interfaces if configured is None else _configured(configured)
    if not interfaces:
        raise Trouble("not_configured", f"not configured: which host this is ({instance.absent}); set `host`")
    ours = {group for each in interfaces for group in each["groups"]}
    database, groups = _both_sides(calls, question, ours)
    return {
        "region": region,
        "database": database,
        "interfaces": interfaces,
        "groups": groups,
        "lists": calls.lists(groups),
    }


def _both_sides(calls: Calls, question: Json, ours: set[str]) -> tuple[Json, Json]:
    """The database, and the groups on it and on us. One may be replaced between two calls: then both once more."""
    missing: list[str] = []
    for _ in range(2):
        database = calls.database(question["endpoint"], question["addresses"])
        groups = calls.groups(sorted({*database["groups"], *ours}))
        missing = sorted({*database["groups"], *ours} - groups.keys())
        if not missing:
            return database, groups
    raise Trouble("gone", f"these security groups are not there: {', '.join(missing)}")


def token(question: Json) -> Json:
    """A password for IAM login, made here without asking anybody; good for 15 minutes."""
    instance = _Instance(interfaces=False)
    _ask_no_more(instance)
    session = _session()
    region = _region(question, session, instance)
    client = _client(session, "rds", region, question)
    with told_as_trouble("rds-db:connect"):
        made = client.generate_db_auth_token(
            DBHostname=question["endpoint"], Port=question["port"], DBUsername=question["user"], Region=region
        )
    return {"token": made}


def neighbours(question: Json) -> Json:
    """Who this host is, and which databases there are. What AWS refuses to say is told beside what is known."""
    instance = _Instance(interfaces=True)
    _ask_no_more(instance)
    session = _session()
    region = _region(question, session, instance)
    answer: Json = {
        "region": region,
        "groups": list(dict.fromkeys(group for each in instance.interfaces for group in each["groups"])),
        "databases": None,
        "trouble": None,
    }
    try:
        _credentials(session)
        answer["databases"] = Calls(None, _client(session, "rds", region, question), region).instances()
    except Trouble as trouble:
        answer["trouble"] = {"reason": trouble.reason, "text": str(trouble)}
    return answer


def _session() -> Any:
    with told_as_trouble("the configuration"):
        return boto3.Session()


def _configured(host: Json) -> list[Json]:
    return [{"id": "configured", "primary": True, "addresses": [], "public": [], "vpc": None, "vpc_ranges": [], **host}]


def _ask_no_more(instance: _Instance) -> None:
    """boto3 would ask the silent metadata service again, for seconds."""
    if instance.absent:
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def _region(question: Json, session: Any, instance: _Instance) -> str:
    found = region_of(question["endpoint"]) or question["region"] or session.region_name or instance.region
    if not found:
        raise Trouble("not_configured", "not configured: aws.region (no endpoint of RDS names it, nor this machine)")
    return str(found)


def _credentials(session: Any) -> None:
    """None at all is told at once."""
    with told_as_trouble("the credentials"):
        if session.get_credentials() is None:
            raise Trouble("not_configured", "not configured: AWS credentials (an instance profile, or AWS_PROFILE)")


def _client(session: Any, name: str, region: str, question: Json) -> Any:
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        region_name=region,
    )
    with told_as_trouble("the configuration"):
        return session.client(name, config=config, endpoint_url=question["endpoint_url"])


QUESTIONS: Final = {"firewall": firewall, "neighbours": neighbours, "token": token}


def main() -> int:
    """Always 0 when an answer was written."""
    question = json.load(sys.stdin)
    try:
        answer: Json = {"answer": QUESTIONS[question["ask"]](question)}
    except Trouble as trouble:
        answer = {"trouble": {"reason": trouble.reason, "text": str(trouble)}}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())

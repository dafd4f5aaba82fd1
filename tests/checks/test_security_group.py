"""The look at the rules, over HTTP against moto, whose answers are those of AWS; and how it is configured."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.checks.base import CheckBlind, Env
from monitor.checks.pm2 import Pm2Check
from monitor.checks.security_group import SecurityGroupCheck
from monitor.clock import SystemClock
from monitor.config.load import load
from monitor.config.plan import plan
from monitor.core.model import Finding, Firewall, Seen, Status
from monitor.database import DatabaseConfig, Databases, NotConfigured
from monitor.locale import speak
from monitor.sources.aws import Aws
from monitor.sources.pm2 import Pm2Sources
from monitor.sources.resolver import Resolver
from tests.daemon.running import free_port
from tests.lab import aws as lab_aws

BACKLOG = 8
QUIET = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    **lab_aws.CREDENTIALS,
}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with lab_aws.moto(free_port()) as url:
        yield url


@dataclass(frozen=True)
class Cloud:
    """One database behind one group, and one group for the host, all new for each test."""

    url: str
    aws: lab_aws.Aws
    app: str
    database: str
    endpoint: str
    port: int

    def allow(self, *ranges: str, source: str | None = None) -> None:
        self.aws.allow(self.database, self.port, *ranges, source=source)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Packets to the database's port vanish: its queue is full, and nobody takes anything out of it."""
        with ExitStack() as stack:
            for _ in range(BACKLOG + 2):
                caller = stack.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(("127.0.0.1", self.port))
            yield

    async def look(self, address: str = "127.0.0.1", **configured: Any) -> Seen:
        """At `address`, where something listens or not, as if that were the database."""
        options: dict[str, Any] = {"endpoint": self.endpoint, "host": {"groups": [self.app]}, **configured}
        check = SecurityGroupCheck.model_validate({"kind": "security_group", **options})
        config = DatabaseConfig(host=address, port=self.port, name="signalcraft", user="monitor")
        return await look(check, config, Aws(os.environ | QUIET, region=lab_aws.REGION, endpoint_url=self.url))


async def look(check: SecurityGroupCheck, config: DatabaseConfig | NotConfigured, source: Aws) -> Seen:
    resolver, pm2 = Resolver(), Pm2Sources({})
    databases = Databases({"default": config}, resolver=resolver)
    env = Env(
        service="rds-firewall",
        deadline=asyncio.get_running_loop().time() + check.timeout,
        clock=SystemClock(),
        databases=databases,
        pm2=pm2,
        resolver=resolver,
        aws=source,
    )
    try:
        return await check.look(env)
    finally:
        await databases.close()
        resolver.close()


numbers = iter(range(1000))


@pytest.fixture
def listening() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def cloud(moto: str, listening: int) -> Cloud:
    number = next(numbers)
    made = lab_aws.Aws(moto)
    app, database = made.group(f"app-{number}"), made.group(f"db-{number}")
    endpoint = made.database(f"signalcraft-{number}", listening, [database])
    return Cloud(moto, made, app, database, endpoint, listening)


def findings(seen: Seen) -> list[tuple[Status, str]]:
    return [(each.status, each.reason) for each in seen.facts if isinstance(each, Finding)]


def words(seen: Seen) -> str:
    return " / ".join(
        speak(each.message, language) for each in seen.facts if isinstance(each, Finding) for language in ("en", "ko")
    )


def rules(seen: Seen) -> Firewall:
    (found,) = (each for each in seen.facts if isinstance(each, Firewall))
    return found


def readings(seen: Seen) -> dict[str, float]:
    return {":".join((each.name, *each.labels.values())): each.value for each in seen.readings}


async def test_allowed_by_the_hosts_group_alone_is_as_it_should_be(cloud: Cloud) -> None:
    cloud.allow(source=cloud.app)
    seen = await cloud.look()
    assert findings(seen) == []
    assert readings(seen) == {
        "path_open": 1,
        "exposure:none": 1,
        "exposure:wide": 0,
        "exposure:world": 0,
        "as_intended": 1,
    }
    found = rules(seen)
    assert (found.reachable, found.reason, found.groups, found.host_groups) == (
        True,
        "sg-ref",
        (cloud.database,),
        (cloud.app,),
    )
    assert found.subject == f"ap-northeast-2/{cloud.endpoint.split('.')[0]}:{cloud.port}"
    assert (found.open_with, found.close_with) == ("", ())


async def test_a_revoked_rule_is_a_warning_while_the_port_still_answers(cloud: Cloud) -> None:
    seen = await cloud.look()
    assert findings(seen) == [(Status.WARNING, "path_closed"), (Status.WARNING, "not_as_intended")]
    assert "yet it answers" in words(seen)
    assert readings(seen)["path_open"] == 0


async def test_a_refusal_is_an_answer(cloud: Cloud) -> None:
    seen = await cloud.look("127.0.0.2")
    assert findings(seen)[0] == (Status.WARNING, "path_closed")


async def test_a_revoked_rule_is_critical_once_the_port_is_silent(cloud: Cloud) -> None:
    with cloud.silent():
        seen = await cloud.look()
    assert findings(seen)[0] == (Status.CRITICAL, "path_closed")
    assert "lets nobody in" in words(seen)
    command = rules(seen).open_with
    assert f"--group-id {cloud.database} --protocol tcp --port {cloud.port} --source-group {cloud.app}" in command
    assert command.endswith("--region ap-northeast-2")


async def test_the_command_that_is_printed_opens_the_path(cloud: Cloud) -> None:
    """What people are told to copy is carried out word by word."""
    words = rules(await cloud.look()).open_with.split()
    said = dict(zip(words[3::2], words[4::2], strict=True))
    cloud.aws.allow(said["--group-id"], int(said["--port"]), source=said["--source-group"])
    assert findings(await cloud.look()) == []


async def test_open_to_the_world_is_a_warning_and_critical_with_a_public_address(cloud: Cloud) -> None:
    cloud.allow("0.0.0.0/0", source=cloud.app)
    seen = await cloud.look()
    assert findings(seen) == [(Status.WARNING, "exposed_world"), (Status.WARNING, "not_as_intended")]
    assert readings(seen)["exposure:world"] == 1
    assert "IpRanges=[{CidrIp=0.0.0.0/0}]" in rules(seen).close_with[0]
    cloud.aws.rds.modify_db_instance(DBInstanceIdentifier=cloud.endpoint.split(".")[0], PubliclyAccessible=True)
    seen = await cloud.look()
    assert findings(seen)[0] == (Status.CRITICAL, "exposed_world")
    assert "public address" in words(seen)
    assert all(each.harmless for each in seen.facts if isinstance(each, Finding))


async def test_the_world_in_two_halves_is_the_world(cloud: Cloud) -> None:
    cloud.allow("0.0.0.0/1", "128.0.0.0/1", source=cloud.app)
    assert findings(await cloud.look())[0] == (Status.WARNING, "exposed_world")


async def test_many_sources_are_named_with_an_end(cloud: Cloud) -> None:
    cloud.allow(*(f"198.51.{number}.0/23" for number in range(0, 16, 2)), source=cloud.app)
    seen = await cloud.look()
    assert findings(seen)[0] == (Status.WARNING, "exposed_wide")
    assert ", +3" in words(seen)
    assert len(rules(seen).close_with) == 8


async def test_one_foreign_address_is_not_exposed_and_not_intended(cloud: Cloud) -> None:
    cloud.allow("203.0.113.7/32", source=cloud.app)
    seen = await cloud.look()
    assert findings(seen) == [(Status.WARNING, "not_as_intended")]
    assert "203.0.113.7/32" in words(seen)
    assert readings(seen)["as_intended"] == 0


async def test_what_is_intended_can_be_more_than_the_hosts_own_groups(cloud: Cloud) -> None:
    batch = cloud.aws.group(f"batch-{cloud.app}")
    cloud.allow(source=cloud.app)
    cloud.allow(source=batch)
    assert findings(await cloud.look()) == [(Status.WARNING, "not_as_intended")]
    assert findings(await cloud.look(intended=[cloud.app, batch])) == []
    seen = await cloud.look(intended=["sg-0123456789abcdef0"])
    assert "sg-0123456789abcdef0" in words(seen)


async def test_our_own_groups_may_not_let_us_out(cloud: Cloud) -> None:
    cloud.allow(source=cloud.app)
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.aws.ec2.revoke_security_group_egress(GroupId=cloud.app, IpPermissions=[anywhere])
    with cloud.silent():
        seen = await cloud.look()
    assert findings(seen) == [(Status.CRITICAL, "path_closed")]
    assert rules(seen).reason == "egress-blocked"
    assert f"authorize-security-group-egress --group-id {cloud.app}" in rules(seen).open_with


async def test_a_prefix_list_is_read_with_what_it_holds(cloud: Cloud) -> None:
    entries = [{"Cidr": "127.0.0.0/8"}, {"Cidr": "0.0.0.0/0"}]
    made = cloud.aws.ec2.create_managed_prefix_list(
        PrefixListName="everybody", AddressFamily="IPv4", MaxEntries=5, Entries=entries
    )
    name = made["PrefixList"]["PrefixListId"]
    rule = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "PrefixListIds": [{"PrefixListId": name}]}
    cloud.aws.ec2.authorize_security_group_ingress(GroupId=cloud.database, IpPermissions=[rule])
    seen = await cloud.look()
    assert rules(seen).reason == "prefix-list"
    assert findings(seen)[0] == (Status.WARNING, "exposed_world")
    assert f"{name} holds 0.0.0.0/0" in rules(seen).lines


async def test_order_and_descriptions_leave_the_lines_as_they_were(cloud: Cloud) -> None:
    cloud.allow("10.0.0.0/24", source=cloud.app)
    before = rules(await cloud.look()).lines
    cloud.aws.revoke(cloud.database, cloud.port, "10.0.0.0/24", source=cloud.app)
    cloud.allow(source=cloud.app)
    described = {"CidrIp": "10.0.0.0/24", "Description": "the same once more"}
    rule = {"IpProtocol": "tcp", "FromPort": cloud.port, "ToPort": cloud.port, "IpRanges": [described]}
    cloud.aws.ec2.authorize_security_group_ingress(GroupId=cloud.database, IpPermissions=[rule])
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.aws.ec2.authorize_security_group_ingress(GroupId=cloud.database, IpPermissions=[https])
    assert rules(await cloud.look()).lines == before


async def test_a_database_behind_another_name_is_found_by_its_network_interface(cloud: Cloud) -> None:
    """A CNAME, a proxy, an address: whatever owns the address carries the groups that count."""
    (subnet, *_) = cloud.aws.ec2.describe_subnets()["Subnets"]
    address = subnet["CidrBlock"].rpartition(".")[0] + ".77"
    cloud.aws.ec2.create_network_interface(
        SubnetId=subnet["SubnetId"],
        PrivateIpAddress=address,
        Groups=[cloud.database],
        Description="RDSNetworkInterface",
    )
    cloud.allow(source=cloud.app)
    found = rules(await cloud.look(address, endpoint=None))
    assert (found.reachable, found.groups) == (True, (cloud.database,))
    assert found.subject == f"ap-northeast-2/RDSNetworkInterface:{cloud.port}"


async def test_a_cluster_is_found_by_its_endpoint(cloud: Cloud) -> None:
    name = f"cluster-{cloud.app}"
    made = cloud.aws.rds.create_db_cluster(
        DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="postgres",
        MasterUserPassword="not-used-here", VpcSecurityGroupIds=[cloud.database],
    )  # fmt: skip
    endpoint = made["DBCluster"]["Endpoint"]
    cloud.allow(source=cloud.app)
    assert rules(await cloud.look(endpoint=endpoint)).subject == f"ap-northeast-2/{name}:{cloud.port}"


async def test_a_machine_outside_aws_is_judged_by_its_address_alone(cloud: Cloud) -> None:
    cloud.allow("203.0.113.0/24")
    outside = {"groups": [], "address": "203.0.113.9"}
    seen = await cloud.look(host=outside)
    assert (rules(seen).reachable, rules(seen).reason) == (True, "cidr")
    assert "as_intended" not in readings(seen), "nobody said who is meant to come in"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody.abc.ap-northeast-2.rds.amazonaws.com", "nothing of ours"),
        ("x.proxy-abc.ap-northeast-2.rds.amazonaws.com", "proxy-abc"),
    ],
)
async def test_an_endpoint_that_is_nobodys_is_a_mistake_in_the_configuration(
    cloud: Cloud, name: str, words: str
) -> None:
    with pytest.raises(CheckBlind, match="not configured: nothing of ours in ap-northeast-2") as blind:
        await cloud.look(endpoint=name)
    assert words in blind.value.reason


async def test_without_a_database_there_is_no_way_to_it() -> None:
    check = SecurityGroupCheck(kind="security_group")
    with pytest.raises(CheckBlind, match="not configured: DB_HOST"):
        await look(check, NotConfigured(("DB_HOST",)), Aws(QUIET))
    socketed = DatabaseConfig(host="/run/postgresql", name="signalcraft", user="monitor")
    with pytest.raises(CheckBlind, match="no firewall is in between"):
        await look(check, socketed, Aws(QUIET))
    nowhere = DatabaseConfig(host="nowhere.invalid", name="signalcraft", user="monitor")
    with pytest.raises(CheckBlind, match=r"nowhere\.invalid"):
        await look(check, nowhere, Aws(QUIET))


async def test_a_machine_without_any_aws_is_unknown_quickly() -> None:
    check = SecurityGroupCheck(kind="security_group")
    config = DatabaseConfig(host="127.0.0.1", name="signalcraft", user="monitor")
    bare = {**QUIET, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "PATH": os.environ["PATH"]}
    with pytest.raises(CheckBlind, match=r"^not configured: "):
        await look(check, config, Aws(bare))


# configuration ------------------------------------------------------------------------------------------------------


def configured(**more: Any) -> SecurityGroupCheck:
    return SecurityGroupCheck.model_validate({"kind": "security_group", **more})


def test_the_defaults_are_those_of_a_cautious_look() -> None:
    check = configured()
    assert (check.every, check.timeout, check.confirm, check.recover) == (300.0, 15.0, 1, 1)
    assert check.provides == ("firewall default",)
    assert not set(check.provides) & set(Pm2Check(kind="pm2").provides)


@pytest.mark.parametrize(
    "wrong",
    [
        {"intended": ["app"]},
        {"host": {"groups": ["i-0abc"]}},
        {"host": {"address": "here"}},
        {"port": 0},
        {"port": 65536},
    ],
)
def test_what_is_no_group_address_or_port_is_a_mistake(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        configured(**wrong)


def test_the_database_depends_on_the_firewall_before_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        """
        services:
          orders: {checks: [{kind: rds}]}
          wall: {checks: [{kind: security_group, database: orders, intended: [sg-1]}]}
          web: {depends_on: [orders], checks: [{kind: pm2, app: web}]}
        """
    )
    planned = plan(load(tmp_path / "config.yaml", {}).config)
    assert planned.services["orders"].depends_on == ("wall",)
    assert planned.services["wall"].depends_on == ()

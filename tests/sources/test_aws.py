"""AWS is asked in time, and whatever it answers instead of rules is told as what it is, never as "no rules"."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import psutil
import pytest

from monitor.core.firewall import Host, Reason, Situation, Target, evaluate
from monitor.sources.aws import Aws, AwsSilent, Surroundings, source_address
from tests.lab import metadata
from tests.sources.aws_stub import ENDPOINT, Reply, Stub, ec2_error, groups, permission, rds_error, stub

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
APP = metadata.tree(groups=["sg-app"], addresses=["10.0.1.10"], public=["52.78.10.20"])
HTML = "<html><body>Please log in</body></html>"


@pytest.fixture
def aws() -> Iterator[Stub]:
    with stub() as told:
        yield told


@contextmanager
def instance_metadata(tree: dict[str, str]) -> Iterator[str]:
    with metadata.server(lambda: tree) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    quiet = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    return kept | quiet | KEYS | more


async def ask(
    url: str | None,
    *,
    endpoint: str = ENDPOINT,
    addresses: tuple[str, ...] = ("10.0.2.20",),
    configured: tuple[str, ...] | None = ("sg-app",),
    seconds: float = 30.0,
    region: str | None = None,
    **environ: str,
) -> Surroundings:
    source = Aws(environment(**environ), region=region, endpoint_url=url)
    deadline = asyncio.get_running_loop().time() + seconds
    return await source.surroundings(endpoint, addresses, groups=configured, deadline=deadline)


async def silence(url: str | None, **more: object) -> AwsSilent:
    with pytest.raises(AwsSilent) as silent:
        await ask(url, **more)  # type: ignore[arg-type]  # the options of ask, by name
    return silent.value


# what is good -------------------------------------------------------------------------------------------------------


async def test_everything_between_the_host_and_the_database_comes_in_one_answer(aws: Stub) -> None:
    found = await ask(aws.url)
    assert (found.region, found.database, found.state, found.public) == (
        "ap-northeast-2",
        "signalcraft",
        "available",
        False,
    )
    assert (found.groups, found.account) == (("sg-db",), "111122223333")
    assert [str(rule) for rule in found.ingress["sg-db"] or ()] == ["in sg-db tcp 5432 from sg-app of 111122223333"]
    assert [str(rule) for rule in found.egress["sg-app"] or ()] == ["out sg-app all traffic to 0.0.0.0/0"]
    assert aws.asked == ["DescribeDBInstances", "DescribeSecurityGroups"]
    to = Target(ip_address("10.0.2.20"), 5432, found.groups, found.ingress)
    judged = evaluate(Situation(Host(found.account, found.interfaces, found.egress), to, found.lists))
    assert (judged.reachable, judged.reason) == (True, Reason.GROUP)


async def test_this_host_is_who_its_metadata_says_it_is(aws: Stub) -> None:
    with instance_metadata(APP) as url:
        found = await ask(
            aws.url, configured=None, AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=url
        )
    (interface,) = found.interfaces
    assert interface.primary
    assert interface.groups == ("sg-app",)
    assert interface.addresses == (ip_address("10.0.1.10"),)
    assert interface.public == (ip_address("52.78.10.20"),)


async def test_the_names_case_and_its_last_dot_do_not_matter(aws: Stub) -> None:
    assert (await ask(aws.url, endpoint=f"{ENDPOINT.upper()}.")).database == "signalcraft"


async def test_a_list_that_may_not_be_read_is_unknown_and_the_rest_is_not(aws: Stub) -> None:
    aws.replies["DescribeSecurityGroups"] = Reply(groups(permission(prefix_list="pl-1")))
    aws.replies["GetManagedPrefixListEntries"] = Reply(ec2_error("UnauthorizedOperation"), 403)
    found = await ask(aws.url)
    assert found.lists == {}
    assert [str(rule) for rule in found.ingress["sg-db"] or ()] == ["in sg-db tcp 5432 from pl-1"]


async def test_a_reference_over_a_dead_peering_is_known_as_that(aws: Stub) -> None:
    status = "<peeringStatus>deleted</peeringStatus>"
    aws.replies["DescribeSecurityGroups"] = Reply(groups(permission(group="sg-app", more=status)))
    rules = (await ask(aws.url)).ingress["sg-db"] or ()
    assert [str(rule) for rule in rules] == ["in sg-db tcp 5432 from sg-app of 111122223333 (stale)"]


# what is no answer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "reply", "reason", "words"),
    [
        (
            "DescribeSecurityGroups",
            Reply(ec2_error("UnauthorizedOperation"), 403),
            "denied",
            "ec2:DescribeSecurityGroups",
        ),
        ("DescribeDBInstances", Reply(rds_error("AccessDenied"), 403), "denied", "rds:DescribeDBInstances"),
        ("DescribeSecurityGroups", Reply(ec2_error("AuthFailure"), 401), "credentials", "AuthFailure"),
        ("DescribeDBInstances", Reply(rds_error("ExpiredToken"), 403), "credentials", "ExpiredToken"),
        ("DescribeDBInstances", Reply(rds_error("InvalidClientTokenId"), 403), "credentials", "InvalidClientTokenId"),
        ("DescribeSecurityGroups", Reply(ec2_error("RequestLimitExceeded"), 503), "throttled", "RequestLimitExceeded"),
        ("DescribeDBInstances", Reply(rds_error("Throttling"), 400), "throttled", "Throttling"),
        ("DescribeDBInstances", Reply("", 502), "server", "502"),
        ("DescribeSecurityGroups", Reply(HTML, 500), "server", "ec2:DescribeSecurityGroups"),
        ("DescribeDBInstances", Reply("no XML at all"), "server", "rds:DescribeDBInstances"),
        ("DescribeDBInstances", Reply(HTML), "foreign", "rds:DescribeDBInstances"),
        ("DescribeSecurityGroups", Reply(HTML), "foreign", "ec2:DescribeSecurityGroups"),
        (
            "DescribeSecurityGroups",
            Reply("<a><securityGroupInfo><item/></securityGroupInfo></a>"),
            "foreign",
            "not AWS",
        ),
        ("DescribeSecurityGroups", Reply(ec2_error("InternalError"), 500), "server", "InternalError"),
        ("DescribeSecurityGroups", Reply(ec2_error("InvalidParameterValue", "why"), 400), "refused", "(why)"),
        ("DescribeSecurityGroups", Reply("<a><securityGroupInfo/></a>"), "gone", "sg-app, sg-db"),
        (
            "DescribeDBInstances",
            Reply("<a><DescribeDBInstancesResult><DBInstances/></DescribeDBInstancesResult></a>"),
            "no_match",
            ENDPOINT,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_anything_short_of_a_well_formed_answer_has_its_reason(
    aws: Stub, action: str, reply: Reply, reason: str, words: str
) -> None:
    aws.replies[action] = reply
    silent = await silence(aws.url)
    assert silent.reason == reason
    assert words in str(silent)


async def test_rules_that_cannot_be_read_are_no_rules_of_ours(aws: Stub) -> None:
    aws.replies["DescribeSecurityGroups"] = Reply(groups(permission(cidr="10.0.0.0/99")))
    silent = await silence(aws.url)
    assert silent.reason == "foreign"
    assert "10.0.0.0/99" in str(silent)


async def test_a_group_that_was_just_replaced_is_looked_up_once_more(aws: Stub) -> None:
    aws.replies["DescribeSecurityGroups"] = Reply("<a><securityGroupInfo/></a>")
    await silence(aws.url)
    assert aws.asked == ["DescribeDBInstances", "DescribeSecurityGroups"] * 2


async def test_throttled_lists_blind_the_whole_look(aws: Stub) -> None:
    """Unknown for a moment is not the same as unreadable for good."""
    aws.replies["DescribeSecurityGroups"] = Reply(groups(permission(prefix_list="pl-1")))
    aws.replies["GetManagedPrefixListEntries"] = Reply(ec2_error("RequestLimitExceeded"), 503)
    assert (await silence(aws.url)).reason == "throttled"


@pytest.mark.parametrize(
    ("minutes", "words"), [(20, "20 minutes behind"), (-20, "20 minutes ahead"), (0, "AuthFailure")]
)
async def test_a_wrong_clock_is_named_beside_the_refused_signature(aws: Stub, minutes: int, words: str) -> None:
    there = datetime.now(UTC) + timedelta(minutes=minutes)
    aws.replies["*"] = Reply(ec2_error("AuthFailure"), 401, date=format_datetime(there, usegmt=True))
    aws.replies["DescribeDBInstances"] = Reply(
        rds_error("SignatureDoesNotMatch"), 403, date=format_datetime(there, usegmt=True)
    )
    text = str(await silence(aws.url))
    assert (words if minutes else "SignatureDoesNotMatch") in text
    assert ("clock" in text) is bool(minutes)


async def test_a_date_that_is_none_hides_nothing(aws: Stub) -> None:
    aws.replies["DescribeDBInstances"] = Reply(rds_error("ExpiredToken"), 403, date="yesterday")
    assert str(await silence(aws.url)).endswith("ExpiredToken")


async def test_nobody_there_is_told_with_what_a_private_subnet_needs() -> None:
    silent = await silence("http://127.0.0.1:9")
    assert silent.reason == "unreachable"
    assert "NAT" in str(silent)


async def test_a_slow_answer_is_given_up_after_two_tries_within_the_hard_end(aws: Stub) -> None:
    aws.replies["DescribeDBInstances"] = Reply("", seconds=5.0)
    began = time.monotonic()
    silent = await silence(aws.url)
    assert time.monotonic() - began < 15.5
    assert silent.reason == "unreachable"
    assert aws.asked == ["DescribeDBInstances"] * 2


async def test_at_the_deadline_the_child_and_all_its_own_are_killed(aws: Stub, tmp_path: Path) -> None:
    """A profile may name a program that fetches credentials; it goes with the child."""
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    helper.chmod(0o755)
    profile = tmp_path / "config"
    profile.write_text(f"[default]\ncredential_process = {helper}\n")
    began = time.monotonic()
    silent = await silence(
        aws.url, seconds=3.0, AWS_CONFIG_FILE=str(profile), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""
    )
    assert 2.9 < time.monotonic() - began < 3.5
    assert (silent.reason, str(silent)) == ("timeout", "AWS did not answer within 3 s")
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


async def test_a_look_that_nobody_waits_for_leaves_no_child(aws: Stub) -> None:
    aws.replies["DescribeDBInstances"] = Reply("", seconds=5.0)
    asking = asyncio.create_task(ask(aws.url))
    await until(lambda: bool(aws.asked))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not [each for each in psutil.Process().children() if "monitor.sources.aws_child" in each.cmdline()]


async def until(truth: Callable[[], bool]) -> None:
    for _ in range(500):
        if truth():
            return
        await asyncio.sleep(0.02)
    pytest.fail("not within 10 s")


# what is not configured ---------------------------------------------------------------------------------------------


async def test_without_credentials_it_says_so_quickly() -> None:
    began = time.monotonic()
    silent = await silence(None, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert silent.reason == "not_configured"
    assert str(silent).startswith("not configured: AWS credentials")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_PROFILE": "nobody"}, "nobody"),
        ({"AWS_CONFIG_FILE": __file__}, "AWS credentials"),
    ],
)
async def test_half_a_configuration_is_told_as_that(aws: Stub, environ: dict[str, str], words: str) -> None:
    silent = await silence(aws.url, **environ)
    assert silent.reason == "not_configured"
    assert words in str(silent)


async def test_an_address_needs_a_region_from_somewhere(aws: Stub) -> None:
    silent = await silence(aws.url, endpoint="10.0.2.20")
    assert (silent.reason, "aws.region" in str(silent)) == ("not_configured", True)


async def test_off_ec2_somebody_has_to_say_which_host_this_is(aws: Stub) -> None:
    silent = await silence(aws.url, configured=None)
    assert silent.reason == "not_configured"
    assert "AWS_EC2_METADATA_DISABLED" in str(silent)
    assert "set `host`" in str(silent)


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {metadata.MACS: HTML},
        {key: value for key, value in APP.items() if not key.endswith("security-group-ids")},
        {**APP, f"{metadata.MACS}{metadata.MAC}/security-group-ids": HTML},
        {**APP, f"{metadata.MACS}{metadata.MAC}/local-ipv4s": "here"},
    ],
    ids=["empty", "html", "no-groups", "html-groups", "no-addresses"],
)
async def test_metadata_that_is_none_names_no_host(aws: Stub, tree: dict[str, str]) -> None:
    with instance_metadata(tree) as url:
        silent = await silence(
            aws.url, configured=None, AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=url
        )
    assert silent.reason == "not_configured"
    assert "which host this is" in str(silent)


async def test_a_silent_metadata_service_costs_a_second_and_not_five(aws: Stub) -> None:
    with_nobody = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://10.255.255.1"}
    began = time.monotonic()
    silent = await silence(aws.url, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", **with_nobody)
    assert silent.reason == "not_configured"
    assert time.monotonic() - began < 4


async def test_the_child_sees_nothing_of_the_environment_but_what_aws_needs() -> None:
    passed = Aws({**environment(), "DB_PASSWORD": "geheim", "HTTPS_PROXY": "http://proxy"})._child_environment()
    assert "geheim" not in str(passed)
    assert passed["HTTPS_PROXY"] == "http://proxy"
    assert passed["AWS_ACCESS_KEY_ID"] == "AKIDEXAMPLE"


async def test_a_child_that_cannot_run_says_its_last_words() -> None:
    silent = await silence(None, PYTHONHOME="/nowhere")
    assert silent.reason == "crashed"
    assert "ended with 1" in str(silent)


# beside the rules ---------------------------------------------------------------------------------------------------


async def test_a_token_is_made_without_asking_anybody() -> None:
    source = Aws(environment())
    token = await source.token(ENDPOINT, 5432, "monitor", deadline=asyncio.get_running_loop().time() + 30)
    assert token.startswith(f"{ENDPOINT}:5432/?Action=connect&DBUser=monitor")
    assert "X-Amz-Expires=900" in token
    assert "ap-northeast-2" in token


async def test_without_credentials_no_token_is_made() -> None:
    source = Aws(environment(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""))
    with pytest.raises(AwsSilent, match="not configured: AWS credentials") as silent:
        await source.token(ENDPOINT, 5432, "monitor", deadline=asyncio.get_running_loop().time() + 30)
    assert silent.value.reason == "not_configured"


def test_the_source_address_is_the_kernels_choice_and_nothing_is_sent() -> None:
    assert source_address("127.0.0.1", 5432) == "127.0.0.1"
    assert source_address("::1", 5432) == "::1"
    assert source_address("2001:db8::1", 5432) is None or ":" in str(source_address("2001:db8::1", 5432))


async def test_the_neighbours_are_this_host_and_every_database_of_the_region(aws: Stub) -> None:
    with instance_metadata(APP) as url:
        environ = environment(AWS_EC2_METADATA_SERVICE_ENDPOINT=url, AWS_EC2_METADATA_DISABLED="false")
        reached = Aws(environ, endpoint_url=aws.url)
        found = await reached.neighbours("db.internal", deadline=asyncio.get_running_loop().time() + 10)
        aws.replies["DescribeDBInstances"] = Reply(rds_error("AccessDenied"), 403)
        refused = await reached.neighbours("db.internal", deadline=asyncio.get_running_loop().time() + 10)
    assert (found.region, found.groups, found.trouble) == ("ap-northeast-2", ("sg-app",), "")
    assert dict(found.databases) == {ENDPOINT: 5432}
    assert (refused.groups, dict(refused.databases)) == (("sg-app",), {})
    assert refused.trouble.startswith("not permitted: rds:DescribeDBInstances")

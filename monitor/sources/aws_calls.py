"""The calls to AWS: which instance is behind the endpoint, and which rules guard it. Reads only.

Loaded only in the child process, beside boto3. Every list is asked for by its key: an answer without it is not AWS'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from monitor.sources.aws_trouble import Trouble, foreign, told_as_trouble

Json = dict[str, Any]

_RDS_NAME: Final = re.compile(r"\.(?:([a-z0-9-]+)\.rds|rds\.([a-z0-9-]+))\.amazonaws\.com(?:\.cn)?$")
_UNREADABLE_LIST: Final = ("denied", "refused")
"""What is wrong with one prefix list only; anything else is wrong with AWS."""


def region_of(endpoint: str) -> str | None:
    """The region stands in the name of every endpoint of RDS."""
    found = _RDS_NAME.search(_plain(endpoint))
    return (found[1] or found[2]) if found else None


class Calls:
    """The two clients, and what is asked through them. All raise Trouble."""

    def __init__(self, ec2: Any, rds: Any, region: str) -> None:
        self._ec2 = ec2
        self._rds = rds
        self._region = region

    def database(self, endpoint: str, addresses: list[str]) -> Json:
        """The thing behind the endpoint: an instance, a cluster or a proxy by its name; behind any other name, whatever
        owns the network interface with its address."""
        found = self._by_endpoint(_plain(endpoint)) if region_of(endpoint) else self._by_address(addresses)
        if found is None:
            raise Trouble(
                "no_match",
                f"not configured: nothing of ours in {self._region} has the endpoint {endpoint} "
                f"({', '.join(addresses) or 'no address'}); set `endpoint` to its name in the RDS console",
            )
        return found

    def instances(self) -> list[Json]:
        """Every database instance in the region that can be reached: its name, its endpoint and its port."""
        found = self._ask(self._rds, "rds:DescribeDBInstances", "DBInstances")
        ends = [(each.get("DBInstanceIdentifier"), each.get("Endpoint") or {}) for each in found]
        return [
            {"id": name, "endpoint": _plain(end["Address"]), "port": end.get("Port")}
            for name, end in ends
            if end.get("Address")
        ]

    def groups(self, names: list[str]) -> Json:
        """Those of these groups that exist, with their rules and their owner."""
        filters = [{"Name": "group-id", "Values": names}]
        found = self._ask(self._ec2, "ec2:DescribeSecurityGroups", "SecurityGroups", Filters=filters) if names else ()
        return {
            _of(each, "GroupId", "ec2:DescribeSecurityGroups"): {
                "owner": _of(each, "OwnerId", "ec2:DescribeSecurityGroups"),
                "in": _of(each, "IpPermissions", "ec2:DescribeSecurityGroups"),
                "out": _of(each, "IpPermissionsEgress", "ec2:DescribeSecurityGroups"),
            }
            for each in found
        }

    def lists(self, groups: Mapping[str, Json]) -> Json:
        """The ranges of every prefix list that the rules name; null for one that may not be read."""
        names = {
            _of(entry, "PrefixListId", "ec2:DescribeSecurityGroups")
            for group in groups.values()
            for permission in (*group["in"], *group["out"])
            for entry in permission.get("PrefixListIds", ())
        }
        return {name: self._entries(name) for name in sorted(names)}

    def _entries(self, name: str) -> list[str] | None:
        action = "ec2:GetManagedPrefixListEntries"
        try:
            return [_of(each, "Cidr", action) for each in self._ask(self._ec2, action, "Entries", PrefixListId=name)]
        except Trouble as trouble:
            if trouble.reason in _UNREADABLE_LIST:
                return None
            raise

    def _by_endpoint(self, name: str) -> Json | None:
        labels = name.split(".")
        if any(label.startswith("proxy-") for label in labels):
            return self._proxy(name)
        if any(label.startswith("cluster-") for label in labels):
            return self._cluster(name)
        action = "rds:DescribeDBInstances"
        for each in self._ask(self._rds, action, "DBInstances"):
            endpoint = each.get("Endpoint") or {}  # absent while the instance is being made
            if _plain(endpoint.get("Address", "")) == name:
                return {
                    "id": _of(each, "DBInstanceIdentifier", action),
                    "state": each.get("DBInstanceStatus"),
                    "public": each.get("PubliclyAccessible"),
                    "vpc": (each.get("DBSubnetGroup") or {}).get("VpcId"),
                    "groups": _group_ids(_of(each, "VpcSecurityGroups", action), action),
                }
        return None

    def _cluster(self, name: str) -> Json | None:
        action = "rds:DescribeDBClusters"
        for each in self._ask(self._rds, action, "DBClusters"):
            known = [each.get("Endpoint", ""), each.get("ReaderEndpoint", ""), *(each.get("CustomEndpoints") or ())]
            if name in map(_plain, known):
                return {
                    "id": _of(each, "DBClusterIdentifier", action),
                    "state": each.get("Status"),
                    "public": each.get("PubliclyAccessible"),
                    "vpc": None,
                    "groups": _group_ids(_of(each, "VpcSecurityGroups", action), action),
                }
        return None

    def _proxy(self, name: str) -> Json | None:
        action = "rds:DescribeDBProxies"
        for each in self._ask(self._rds, action, "DBProxies"):
            if _plain(each.get("Endpoint", "")) == name:
                return {
                    "id": _of(each, "DBProxyName", action),
                    "state": each.get("Status"),
                    "public": None,
                    "vpc": each.get("VpcId"),
                    "groups": list(_of(each, "VpcSecurityGroupIds", action)),
                }
        return None

    def _by_address(self, addresses: list[str]) -> Json | None:
        action = "ec2:DescribeNetworkInterfaces"
        for address in addresses:
            for key in (
                ("ipv6-addresses.ipv6-address",)
                if ":" in address
                else ("addresses.private-ip-address", "association.public-ip")
            ):
                filters = [{"Name": key, "Values": [address]}]
                for each in self._ask(self._ec2, action, "NetworkInterfaces", Filters=filters):
                    return {
                        "id": each.get("Description") or _of(each, "NetworkInterfaceId", action),
                        "state": None,
                        "public": bool((each.get("Association") or {}).get("PublicIp")),
                        "vpc": each.get("VpcId"),
                        "groups": [_of(group, "GroupId", action) for group in _of(each, "Groups", action)],
                    }
        return None

    def _ask(self, client: Any, action: str, key: str, **question: Any) -> Iterator[Json]:
        """The entries of all pages."""
        with told_as_trouble(action):
            pages = iter(client.get_paginator(_operation(action)).paginate(**question))
        while (page := _next(pages, action)) is not None:
            if not isinstance(page, dict) or not isinstance(page.get(key), list):
                raise foreign(action)
            yield from page[key]


def _next(pages: Iterator[Any], action: str) -> Any:
    """None after the last one."""
    try:
        with told_as_trouble(action):
            return next(pages, None)
    except (AttributeError, TypeError, LookupError, ValueError) as error:
        raise foreign(action) from error  # botocore trips over some bodies that are XML and not AWS'


def _operation(action: str) -> str:
    """`describe_db_instances` of `rds:DescribeDBInstances`."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z][a-z]+", action.partition(":")[2])
    return "_".join(words).lower()


def _group_ids(groups: list[Json], action: str) -> list[str]:
    return [_of(each, "VpcSecurityGroupId", action) for each in groups]


def _of(entry: Any, key: str, action: str) -> Any:
    if not isinstance(entry, Mapping) or key not in entry:
        raise foreign(action)
    return entry[key]


def _plain(name: str) -> str:
    return name.rstrip(".").lower()

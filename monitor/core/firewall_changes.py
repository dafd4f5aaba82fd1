"""What the rules around a port are, in lines that can be remembered, compared and read aloud."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.core.firewall import Situation, attached, path
from monitor.core.firewall_rules import ListPeer, Network, Rule
from monitor.core.model import RuleChange

UNREAD: Final = "cannot be read"
_RULE: Final = re.compile(r"(in|out) (\S+) (.+?) (?:from|to) (\S.*)")


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A line about a rule, in its parts: whose, what kind of traffic, from or to whom."""

    direction: str
    group: str
    traffic: str
    peer: str


def lines_of(situation: Situation) -> tuple[str, ...]:
    """Everything that decides who reaches the port, and nothing else: order, grouping, descriptions, rule ids and rules
    for other ports do not show. Two looks with the same lines found the same rules."""
    host, target = situation.host, situation.target
    groups = path(host, target).groups
    found = [f"database has {group}" for group in target.groups]
    found += [f"this host has {group}" for group in groups]
    found += lines_of_rules(attached(target.groups, target.ingress) or (), target.port, situation.lists)
    found += lines_of_rules(attached(groups, host.egress) or (), target.port, situation.lists)
    return tuple(sorted(set(found)))


def lines_of_rules(rules: Iterable[Rule], port: int, lists: Mapping[str, tuple[Network, ...]]) -> tuple[str, ...]:
    """The rules about this port, with what stands in the prefix lists they name."""
    relevant = [rule for rule in rules if rule.covers(port)]
    found = {str(rule) for rule in relevant}
    for name in {rule.peer.id for rule in relevant if isinstance(rule.peer, ListPeer)}:
        entries = lists.get(name)
        found |= {f"{name} {UNREAD}"} if entries is None else {f"{name} holds {each}" for each in entries}
    return tuple(sorted(found))


def parts_of(line: str) -> RuleLine | None:
    """What `str(rule)` put together; None of a line that says who has which group, or what a list holds."""
    found = _RULE.fullmatch(line)
    return RuleLine(*found.groups()) if found else None


def held(name: str, lines: Iterable[str]) -> tuple[str, ...]:
    """The ranges of a prefix list, as far as it could be read."""
    start = f"{name} holds "
    return tuple(line.removeprefix(start) for line in lines if line.startswith(start))


def remembered(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    """The newer lines. Of a list that could not be read this time, what was known of it before."""
    old, new = tuple(before), set(after)
    for name in _unread(new):
        known = {line for line in old if _is_of_list(line, name)}
        if known:
            new = (new - {f"{name} {UNREAD}"}) | known
    return tuple(sorted(new))


def change(before: Iterable[str], after: Iterable[str], *, at: float) -> RuleChange | None:
    """The difference, or None. That a list can or cannot be read is none."""
    old, new = set(before), set(remembered(before, after))
    for name in _unread(old):
        old = {line for line in old if not _is_of_list(line, name)}
        new = {line for line in new if not _is_of_list(line, name)}
    if old == new:
        return None
    return RuleChange(at, tuple(sorted(new - old)), tuple(sorted(old - new)))


def _unread(lines: Iterable[str]) -> list[str]:
    return [line.removesuffix(f" {UNREAD}") for line in lines if line.endswith(UNREAD)]


def _is_of_list(line: str, name: str) -> bool:
    return line == f"{name} {UNREAD}" or line.startswith(f"{name} holds ")

"""One row of the matrix: a fault, and all that has to come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LOOKS_EVERY: Final = 2.0
"""As the lab's configuration has it, for all but the firewall."""

RULES_EVERY: Final = 10.0

AT_ONCE: Final = 2.0
"""The end of a process, of PM2, Nginx or the database: somebody tells us, nobody has to look."""

STALLED: Final = 3.0 + 12.5
"""What takes requests and says nothing: a look starts within three seconds and has its whole deadline."""

AT_A_LOOK: Final = LOOKS_EVERY + 2.0
"""What only a look can find: one interval, and the looks that confirm it."""

AT_A_READING_OF_THE_RULES: Final = RULES_EVERY + 2.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """`faults` are made in this order and healed in the opposite one.

    `within`: seconds from the fault to the notice at the receiver, as promised. They begin with the last fault; where
    it takes its time to be complete (`counts_from_end`), when it is. They end with the first notice; where that one
    is of something that comes before (`counts_to_cause`), with the one that names the cause.

    `until_certain`: it is not healed before its cause is known for certain.

    `cause` is the right one. `on_the_way` are others that are true at some moment, each with the reason why.
    `unknown_because` says why nobody can know better; otherwise "unknown" is as wrong as any other.
    """

    name: str
    faults: tuple[str, ...]
    root: str
    status: str
    impacted: frozenset[str]
    cause: str
    within: float
    severity: str = "critical"
    counts_from_end: bool = False
    counts_to_cause: bool = False
    on_the_way: Mapping[str, str] = field(default_factory=dict)
    unknown_because: str = ""
    says: str = ""
    until_certain: bool = False
    never_down: tuple[str, ...] = ()
    dwell: float = 5.0
    alone: bool = False

    def allows(self, cause: str) -> bool:
        """Whether a notice may name it."""
        return cause == self.cause or cause in self.on_the_way or (cause == "unknown" and bool(self.unknown_because))

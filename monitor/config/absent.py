"""A check whose settings nobody set: it keeps its place, and says what is missing when it is looked at."""

from __future__ import annotations

from monitor.checks.base import Check, CheckBlind, Env
from monitor.core.model import Seen


class NotConfiguredCheck(Check):
    """Stands where a check names variables that are not set. It makes nobody red: it is blind."""

    missing: tuple[str, ...]

    async def look(self, env: Env) -> Seen:  # noqa: ARG002 — there is nothing to look at
        """Raises CheckBlind, always."""
        raise CheckBlind(f"not configured: {', '.join(self.missing)}")

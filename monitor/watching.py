"""What one configuration comes to: all that a reload exchanges, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monitor.checks.base import Check
from monitor.config.load import Loaded
from monitor.config.model import state_directory
from monitor.config.plan import plan
from monitor.core.model import Plan
from monitor.schedule import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """The plan, and the checks by their key. `directory`: where the monitor keeps its memory."""

    loaded: Loaded
    plan: Plan
    checks: Mapping[Key, Check]
    directory: Path

    @classmethod
    def of(cls, loaded: Loaded, environ: Mapping[str, str]) -> Watching:
        """What follows from this configuration."""
        services = loaded.config.services
        return cls(
            loaded=loaded,
            plan=plan(loaded.config),
            checks={Key(name, check.label): check for name, each in services.items() for check in each.checks},
            directory=state_directory(loaded.config, environ),
        )

    @property
    def by_service(self) -> Mapping[str, tuple[Check, ...]]:
        """The checks of each service, in their order."""
        return {name: each.checks for name, each in self.loaded.config.services.items()}

    def needs_a_restart(self, new: Watching) -> tuple[str, ...]:
        """What of the new configuration cannot be had while we run, one clear line each."""
        kept = (
            ("web.listen", self.loaded.config.web.listen, new.loaded.config.web.listen),
            ("TLS", _on(self.loaded), _on(new.loaded)),
            ("state.directory", str(self.directory), str(new.directory)),
        )
        return tuple(
            f"{new.loaded.path.name}: {key} cannot change from {old} to {wanted} while the monitor runs; restart it"
            for key, old, wanted in kept
            if old != wanted
        )

    def differing(self, new: Watching) -> frozenset[Key]:
        """The checks that are new, or are not what they were: their own settings, or those of the database they name.
        A look of theirs that is under way would tell of something that is watched no longer."""
        databases = self.loaded.databases != new.loaded.databases
        return frozenset(
            key
            for key, check in new.checks.items()
            if self.checks.get(key) != check or (databases and "database" in type(check).model_fields)
        )


def _on(loaded: Loaded) -> str:
    return "on" if loaded.web.settings.tls_server_config else "off"


def files_of(loaded: Loaded) -> tuple[Path, ...]:
    """Every file that a configuration was read from."""
    return tuple(path for path in (loaded.path, loaded.config.env_file, *loaded.web.files) if path)

"""Who can tell us at once that something changed. A watcher asks for a look; it never decides anything."""

from monitor.watch.watch import Watch

__all__ = ["Watch"]

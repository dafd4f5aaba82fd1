"""What the monitor says of itself: events on stderr, one JSON object a line where no person is reading."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from monitor.config.load import Loaded
from monitor.config.secrets import Veil, secrets_of

_TALKATIVE: Final = ("apscheduler", "asyncio", "aiohttp.access")
"""Loggers of others that are heard from WARNING on: they tell of every job and every request."""


_veil = Veil()


def configure(loaded: Loaded, *, stream: TextIO | None = None) -> None:
    """Say what the configuration's `log` wants said, on `stream` (default: stderr), without any of its secrets.

    Records of other people's code (`logging`, `warnings`) come out in the same shape.
    """
    out = stream or sys.stderr
    wanted = loaded.config.log
    level = logging.getLevelNamesMapping()[wanted.level.upper()]
    as_json = wanted.format == "json" or (wanted.format == "auto" and not out.isatty())
    hide(*secrets_of(loaded))
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_json() if as_json else _text(out)),
                _veiled,
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )


def hide(*secrets: str) -> None:
    """From now on these never appear in a line. Values shorter than six characters are left alone."""
    _veil.hide(secrets)


def _veiled(_logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
    """The last processor: the finished line without secrets."""
    return _veil.over(str(line))


def _shared() -> list[Processor]:
    """What every record goes through, ours and those of others."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _json() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        _in_order,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how grave and what come first, for the eye that has to read JSON after all."""
    first = {key: event.pop(key) for key in ("timestamp", "level", "event", "logger") if key in event}
    return {**first, **event}


def _text(out: TextIO) -> list[Processor]:
    """For people. The plain traceback, because the rich one prints local variables, and with them secrets."""
    colours = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain, pad_event_to=0)]

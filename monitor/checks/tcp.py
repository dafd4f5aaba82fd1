"""Does something accept a connection there, and answer as it should?"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from monitor.checks.base import Check, CheckBlind, CheckFailed, Env, Family
from monitor.core.model import Failure, Reading, Seen, Status, Threshold
from monitor.sources.connect import (
    Connection,
    Hindered,
    Stopwatch,
    Unanswered,
    connection,
    parse_address,
    printable,
)

_SHORTEST_SECRET: Final = 4


def _is_address(text: str) -> str:
    parse_address(text)
    return text


class TcpCheck(Check):
    """Connect to `address`; with `send`, say that; with `expect`, require that the answer begins so.

    Phases: resolve, tcp (connect, with a Unix socket), answer. No answer is down, another answer is critical.
    """

    families: ClassVar[tuple[Family, ...]] = (
        Family("up", "infra_tcp_up", "gauge", "Whether it accepted and answered as expected."),
        Family(
            "phase_duration", "infra_tcp_phase_duration_seconds", "gauge", "How long each phase of the last look took."
        ),
        Family("response_time", "infra_tcp_response_time_seconds", "gauge", "How long the last look took in all."),
        Family("failures", "infra_tcp_failures_total", "tally", "Failed looks by phase and reason."),
    )
    default_thresholds: ClassVar[tuple[Threshold, ...]] = (Threshold("response_time", 2.0, 5.0, "seconds"),)

    kind: Literal["tcp"]
    address: Annotated[str, AfterValidator(_is_address)] = Field(
        description="`redis:6379`, `[::1]:6379` or `unix:/run/redis.sock`."
    )
    send: SecretStr | None = Field(
        default=None, description='What to say, for example `"PING\\r\\n"` (in double quotes). Default: nothing.'
    )
    expect: str | None = Field(
        default=None, min_length=1, description="How the answer must begin, for example `+PONG`. Default: anything."
    )

    @model_validator(mode="after")
    def _asks_before_it_listens(self) -> TcpCheck:
        if self.send is not None and self.expect is None:
            raise ValueError("send: needs expect, or nobody would know whether it was answered")
        return self

    @property
    def asks(self) -> tuple[str, ...]:
        """Its address."""
        return (self.address,)

    async def look(self, env: Env) -> Seen:
        """Raises CheckFailed with `up` 0 and the phases that were reached, CheckBlind when this machine cannot."""
        watch = Stopwatch()
        try:
            async with connection(
                parse_address(self.address), resolver=env.resolver, deadline=env.deadline, watch=watch
            ) as opened:
                answer = await self._answer(opened, watch)
        except Unanswered as error:
            raise failed(Failure(error.phase, error.reason, error.message), watch) from None
        except Hindered as error:
            raise CheckBlind(str(error)) from None
        if self.expect is not None and not answer.startswith(self.expect.encode()):
            raise failed(Failure("answer", "unexpected", self._instead(answer), Status.CRITICAL), watch)
        return Seen((Reading("up", 1.0), *times(watch), Reading("response_time", watch.total, "seconds")))

    async def _answer(self, opened: Connection, watch: Stopwatch) -> bytes:
        """As much as is needed to know whether it is the right one."""
        if self.expect is None:
            return b""
        watch.begin("answer")
        if self.send is not None:
            opened.transport.write(self.send.get_secret_value().encode())
        wanted, answer = self.expect.encode(), b""
        while len(answer) < len(wanted) and wanted.startswith(answer):
            data = await opened.reader.read(1024)
            if not data:
                raise EOFError
            answer += data
        return answer

    def _instead(self, answer: bytes) -> str:
        """What it said, without what we said, which it may echo: all but commands, as PING."""
        said = printable(answer)
        for word in self.send.get_secret_value().split() if self.send else ():
            said = said if word.isupper() or len(word) < _SHORTEST_SECRET else said.replace(word, "***")
        return f"it answered {said}"


def failed(failure: Failure, watch: Stopwatch) -> CheckFailed:
    """The failure with what every look of this sort learns until then."""
    tally = Reading("failures", 1.0, labels={"phase": failure.phase, "reason": failure.reason})
    return CheckFailed(failure, readings=(Reading("up", 0.0), tally, *times(watch)))


def times(watch: Stopwatch) -> tuple[Reading, ...]:
    """How long each phase took that was begun."""
    return tuple(Reading("phase_duration", took, "seconds", {"phase": phase}) for phase, took in watch.phases.items())

"""Everything that can come instead of AWS' answer, as a reason and a sentence for people.

Loaded only in the child process that asks AWS, beside botocore.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from botocore import exceptions as errors
from botocore.parsers import ResponseParserError

CLOCK_TOLERANCE_SECONDS: Final = 240.0
"""AWS refuses signatures that are five minutes off."""

_DENIED: Final = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "UnauthorizedAccess")
_CREDENTIALS: Final = (
    "AuthFailure",
    "InvalidClientTokenId",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "MissingAuthenticationToken",
    "OptInRequired",
)
_THROTTLED: Final = (
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "SlowDown",
    "BandwidthLimitExceeded",
)
_NOT_CONFIGURED: Final = (
    errors.NoCredentialsError,
    errors.PartialCredentialsError,
    errors.CredentialRetrievalError,
    errors.MetadataRetrievalError,
    errors.ProfileNotFound,
    errors.ConfigNotFound,
    errors.ConfigParseError,
    errors.NoRegionError,
    errors.InvalidRegionError,
    errors.InvalidConfigError,
    errors.TokenRetrievalError,
    errors.SSOError,
)
_UNREACHABLE: Final = (errors.HTTPClientError, errors.ConnectionError)
_SERVER_ERROR: Final = 500


class Trouble(Exception):  # noqa: N818 — it is what came instead of an answer
    """`reason` is a word for programs; the text says what to do about it."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@contextmanager
def told_as_trouble(action: str) -> Iterator[None]:
    """Whatever goes wrong while we do `action` (`ec2:DescribeSecurityGroups`) comes out as Trouble."""
    try:
        yield
    except errors.ClientError as error:
        raise _refused(action, error.response) from error
    except ResponseParserError as error:
        raise Trouble("server", f"AWS gave no answer that can be read at {action}") from error
    except _NOT_CONFIGURED as error:
        raise Trouble("not_configured", f"not configured: AWS credentials ({_line(error)})") from error
    except _UNREACHABLE as error:
        raise Trouble(
            "unreachable",
            f"AWS cannot be reached at {action} ({type(error).__name__}); a private subnet needs a NAT gateway or "
            "interface endpoints",
        ) from error
    except errors.BotoCoreError as error:
        raise Trouble("failed", f"{action} failed: {_line(error)}") from error


def foreign(action: str) -> Trouble:
    """Somebody answered 200, and it was not AWS."""
    return Trouble("foreign", f"what answered at {action} was not AWS: perhaps a proxy or a login page")


def _refused(action: str, response: Mapping[str, Any]) -> Trouble:
    code = str(response.get("Error", {}).get("Code", ""))
    about = response.get("ResponseMetadata", {})
    status = about.get("HTTPStatusCode", 0)
    if code in _DENIED:
        return Trouble("denied", f"not permitted: {action} (the policy we need is in docs/checks/security_group.md)")
    if code in _CREDENTIALS:
        return Trouble("credentials", f"AWS does not accept our credentials at {action}: {code}{_clock(about)}")
    if code in _THROTTLED:
        return Trouble("throttled", f"AWS throttles {action} ({code})")
    if status >= _SERVER_ERROR or not code or code.isdigit():
        return Trouble("server", f"AWS answered {code or status} at {action}")
    text = str(response.get("Error", {}).get("Message", ""))
    return Trouble("refused", f"AWS refuses {action}: {code}{f' ({text[:200]})' if text else ''}")


def _clock(about: Mapping[str, Any]) -> str:
    """A wrong clock makes every signature wrong; AWS' own answer says what time it is there."""
    try:
        theirs = parsedate_to_datetime(about["HTTPHeaders"]["date"])
    except (KeyError, TypeError, ValueError):
        return ""
    off = (datetime.now(UTC) - theirs).total_seconds()  # noqa: TID251 — the machine's own clock is what is in doubt
    if abs(off) < CLOCK_TOLERANCE_SECONDS:
        return ""
    return f"; the clock of this machine is {abs(off) / 60:.0f} minutes {'ahead' if off > 0 else 'behind'}"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__

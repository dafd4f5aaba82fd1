"""What a look at a kind of thing is; one file per kind."""

from typing import Annotated

from pydantic import Field

from monitor.checks.base import Check
from monitor.checks.pm2 import Pm2Check

CheckConfig = Annotated[Pm2Check, Field()]
KINDS: tuple[type[Check], ...] = (Pm2Check,)

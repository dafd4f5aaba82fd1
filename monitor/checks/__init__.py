"""What a look at a kind of thing is; one file per kind."""

from typing import Annotated

from pydantic import Field

from monitor.checks.base import Check
from monitor.checks.pm2 import Pm2Check
from monitor.checks.rds import RdsCheck

CheckConfig = Annotated[RdsCheck | Pm2Check, Field(discriminator="kind")]
KINDS: tuple[type[Check], ...] = (RdsCheck, Pm2Check)

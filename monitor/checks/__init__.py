"""What a look at a kind of thing is; one file per kind."""

from typing import Annotated

from pydantic import Field

from monitor.checks.base import Check
from monitor.checks.host import HostCheck
from monitor.checks.http import HttpCheck
from monitor.checks.nginx import NginxCheck
from monitor.checks.pm2 import Pm2Check
from monitor.checks.rds import RdsCheck
from monitor.checks.security_group import SecurityGroupCheck
from monitor.checks.tcp import TcpCheck
from monitor.checks.wiring import WiringCheck

CheckConfig = Annotated[
    RdsCheck | Pm2Check | NginxCheck | HostCheck | HttpCheck | TcpCheck | SecurityGroupCheck | WiringCheck,
    Field(discriminator="kind"),
]
KINDS: tuple[type[Check], ...] = (
    RdsCheck,
    Pm2Check,
    NginxCheck,
    HostCheck,
    HttpCheck,
    TcpCheck,
    SecurityGroupCheck,
    WiringCheck,
)

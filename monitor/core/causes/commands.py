"""The commands that would show or mend a trouble, to be copied. They are printed for people, never run.

Names in them come from other people's programs. Whatever could be more than a word for a shell is quoted; what holds
control characters, or would be taken for an option, is not repeated at all: a word in capitals stands in its place.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from monitor.core.model import DatabaseEndpoint, Supervisor

_RDS_NAME: Final = re.compile(
    r"([a-z][a-z0-9-]{0,62})\.[a-z0-9-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?"
)
_OWN_HOME: Final = re.compile(r"/(?:home/[^/]+|root)/\.pm2")


def word(value: object, instead: str) -> str:
    """One word for a shell."""
    text = str(value)
    return shlex.quote(text) if text.isprintable() and text and not text.startswith("-") else instead


def psql(endpoint: DatabaseEndpoint | None, sql: str, *, database: str = "") -> str:
    """Ask the database, as the user whom the application is. It asks for the password itself."""
    if endpoint is None:
        name = database or "$DB_NAME"
        return f'psql "host=$DB_HOST port=$DB_PORT dbname={name} user=$DB_USER" -c {shlex.quote(sql)}'
    parts = {"host": endpoint.host, "port": endpoint.port, "dbname": database or endpoint.name, "user": endpoint.user}
    info = " ".join(f"{key}={_in_conninfo(str(value))}" for key, value in parts.items())
    return f"psql {word(info, 'CONNECTION')} -c {shlex.quote(sql)}"


def resolve(endpoint: DatabaseEndpoint | None) -> str:
    """Ask this host's resolver for the database's name."""
    return f"getent ahosts {_host(endpoint)}"


def knock(endpoint: DatabaseEndpoint | None) -> str:
    """Try a bare connection."""
    return f"nc -vz -w 5 {_host(endpoint)} {_port(endpoint)}"


def certificate(endpoint: DatabaseEndpoint | None) -> str:
    """Show the certificate that the database presents."""
    host = _host(endpoint)
    asked = f"openssl s_client -starttls postgres -connect {host}:{_port(endpoint)} -servername {host} </dev/null"
    return f"{asked} | openssl x509 -noout -subject -issuer -enddate"


def instance(endpoint: DatabaseEndpoint | None) -> tuple[str, ...]:
    """Ask AWS how the instance is and what happened to it; nothing where the name is none of RDS."""
    found = _rds(endpoint)
    if found is None:
        return ()
    name, region = found
    show = "DBInstances[0].[DBInstanceStatus,Endpoint.Address,Endpoint.Port]"
    return (
        f"aws rds describe-db-instances --db-instance-identifier {name} --query '{show}' --region {region}",
        f"aws rds describe-events --source-type db-instance --source-identifier {name} --duration 60 --region {region}",
    )


def of_instance(endpoint: DatabaseEndpoint | None, verb: str) -> tuple[str, ...]:
    """`start-db-instance` or `reboot-db-instance`; nothing where the name is none of RDS."""
    found = _rds(endpoint)
    return (f"aws rds {verb} --db-instance-identifier {found[0]} --region {found[1]}",) if found else ()


def endpoints() -> str:
    """List the names that RDS has for its instances."""
    show = "DBInstances[].[DBInstanceIdentifier,Endpoint.Address,DBInstanceStatus]"
    return f"aws rds describe-db-instances --query '{show}' --output text"


def pm2(supervisor: Supervisor | None, verb: str, app: str = "", *, more: str = "") -> str:
    """A command for PM2; with its home, unless that is where PM2 of that user looks by itself."""
    home = supervisor.home if supervisor else ""
    before = "" if not home or _OWN_HOME.fullmatch(home) else f"PM2_HOME={word(home, 'HOME')} "
    return " ".join(each for each in (f"{before}pm2 {verb}", word(app, "APP") if app else "", more) if each)


def pm2_log(supervisor: Supervisor | None, app: str) -> str:
    """The end of an app's error log."""
    return pm2(supervisor, "logs", app, more="--err --nostream --lines 50")


def listeners(port: object = "") -> str:
    """Who listens here, at one port or at any."""
    return f"ss -ltnp 'sport = :{port}'" if str(port).isdecimal() else "ss -ltnp"


def nginx_test(path: object = "") -> str:
    """Have Nginx read the configuration on disk."""
    return f"nginx -t -c {word(path, 'FILE')}" if path and path != "/etc/nginx/nginx.conf" else "nginx -t"


def _rds(endpoint: DatabaseEndpoint | None) -> tuple[str, str] | None:
    found = _RDS_NAME.fullmatch(endpoint.host.lower()) if endpoint else None
    return (found[1], found[2]) if found else None


def _host(endpoint: DatabaseEndpoint | None) -> str:
    return word(endpoint.host, "HOST") if endpoint else '"$DB_HOST"'


def _port(endpoint: DatabaseEndpoint | None) -> str:
    return str(endpoint.port) if endpoint else '"$DB_PORT"'


def _in_conninfo(value: str) -> str:
    if re.fullmatch(r"[\w.:/@%+-]+", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

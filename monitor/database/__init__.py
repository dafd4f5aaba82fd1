"""The central database module: settings, phased logins under one deadline, statistics, the sentinel.

Everything in this package that speaks to PostgreSQL goes through here; psycopg itself is imported at the first look.
"""

from monitor.database.databases import Answer, Database, Databases
from monitor.database.failures import DatabaseFailed
from monitor.database.pool import NoSession
from monitor.database.sentinel import SentinelState
from monitor.database.settings import DatabaseConfig, NotConfigured
from monitor.database.statistics import Statistics
from monitor.database.tokens import NoToken

__all__ = [
    "Answer",
    "Database",
    "DatabaseConfig",
    "DatabaseFailed",
    "Databases",
    "NoSession",
    "NoToken",
    "NotConfigured",
    "SentinelState",
    "Statistics",
]

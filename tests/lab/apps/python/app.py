"""SignalCraft's Python backend, as small as it can be and still like it: settings from .env, one pool, two routes."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

import flask
import psycopg
from dotenv import load_dotenv
from psycopg_pool import ConnectionPool, PoolTimeout

load_dotenv(Path(".env").resolve())

if Path("faults/python-exits-at-boot").exists():
    sys.exit("the lab told this version to exit at boot")

# Opened in each worker (gunicorn.conf.py): the application is loaded once, before the workers are forked.
pool = ConnectionPool(
    kwargs={
        "host": os.environ["DB_HOST"],
        "port": os.environ["DB_PORT"],
        "dbname": os.environ["DB_NAME"],
        "user": os.environ["DB_USER"],
        "password": os.environ["DB_PASSWORD"],
        "application_name": "signalcraft-python",
        "sslmode": "require",
        "connect_timeout": 10,
        "autocommit": True,
    },
    min_size=1,
    max_size=2,
    timeout=5,
    reconnect_timeout=3,  # then the next request tries anew, rather than waiting for a long backoff
    check=ConnectionPool.check_connection,
    open=False,
)

app = flask.Flask(__name__)
app.extensions["pool"] = pool


@app.get("/health")
def health() -> flask.typing.ResponseReturnValue:
    """Shallow on purpose, as the product's is: it says that a worker answers."""
    if Path("faults/python-answers-500").exists():
        return {"status": "error", "error": "the lab told this worker to fail"}, 500
    return {"status": "ok", "service": "signalcraft-python", "pid": os.getpid()}


@app.get("/api/legacy")
def legacy() -> flask.typing.ResponseReturnValue:
    """What nobody took out when the product left SQLite: it opens the old file, and keeps it open."""
    app.extensions["legacy"] = sqlite3.connect("legacy.db", check_same_thread=False)
    app.extensions["legacy"].execute("create table if not exists signals (name text)")
    return {"status": "ok"}


@app.get("/api/report")
def report() -> flask.typing.ResponseReturnValue:
    """What keeps a sync worker for a while."""
    time.sleep(4)
    return {"status": "ok"}


@app.get("/api/db")
def database() -> flask.typing.ResponseReturnValue:
    """One query through the pool."""
    try:
        with pool.connection() as connection:
            row = connection.execute("select now(), count(*) from signals").fetchone()
    except (psycopg.Error, PoolTimeout) as error:
        return {"status": "error", "error": str(error)}, 503
    if row is None:
        return {"status": "error", "error": "no row"}, 503
    return {"status": "ok", "now": row[0].isoformat(), "signals": row[1]}

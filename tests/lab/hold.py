"""A leak of connections: take every slot that an ordinary role can have, and keep it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psycopg

from tests.lab.places import HOST, LabError, Places
from tests.lab.postgres import APP_ROLE, DATABASE


def hold(places: Places) -> None:
    """Until killed; a slot that somebody gives back is taken as well."""
    held: list[psycopg.Connection] = []
    full = False
    while True:
        try:
            held.append(
                psycopg.connect(
                    host=HOST,
                    port=places.postgres_port,
                    dbname=DATABASE,
                    user=APP_ROLE,
                    password=places.app_password,
                    application_name="leak",
                    autocommit=True,
                )
            )
        except psycopg.OperationalError:
            if not full:
                print("full", flush=True)
                full = True
            time.sleep(0.1)


if __name__ == "__main__":
    if (found := Places.read(Path(sys.argv[1]))) is None:
        raise LabError(f"{sys.argv[1]}: no lab")
    hold(found)

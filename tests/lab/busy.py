"""People who all want the slow page, and want it again as soon as they have it."""

from __future__ import annotations

import sys
import threading

from tests.lab.reach import answers

PEOPLE = 6  # two are served at a time, and then it takes a newcomer two turns to be one of them


def want(url: str) -> None:
    """For ever."""
    while True:
        answers(url, seconds=60)


if __name__ == "__main__":
    for _ in range(PEOPLE):
        threading.Thread(target=want, args=(sys.argv[1],)).start()

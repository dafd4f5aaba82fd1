"""Stands by while a test holds a lab, and takes the lab down when that process is gone."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.lab import Lab

if __name__ == "__main__":
    sys.stdin.read()  # the holder's end of this pipe closes when the holder ends, whatever ended it
    Lab(Path(sys.argv[1])).down()

"""The trial on a copy: what Nginx says of the copy is what it would say of the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.sources.nginx_conf.files import read_tree
from monitor.sources.nginx_conf.shadow import Trial, try_out
from tests.sources.nginx_configurations import Maker
from tests.sources.test_nginx_conf_fuzz import refusal

LEFT_OUT = ("log level", "error_log", "pid")
"""Directives that the copy has of its own are not tried; a slip may make words of others their arguments."""


@pytest.mark.parametrize("shard", range(2))
async def test_60_made_up_configurations_get_the_same_verdict_as_the_original(tmp_path: Path, shard: int) -> None:
    """30 in each shard; those that our reader refuses need no trial."""
    make, path, tried = Maker(500 + shard), tmp_path / "nginx.conf", 0
    while tried < 30:
        path.write_text(make.slipped() if tried % 2 else make.valid(), newline="")
        tree = read_tree(str(path))
        if tree.problems:
            continue
        why = refusal(path)
        if any(word in why for word in LEFT_OUT):
            continue
        trial = await try_out(tree, program=None, prefix=None, seconds=30.0)
        assert trial.valid == (not why), (why, trial, path.read_text())
        if why:
            assert trial.file == str(path)
        tried += 1


async def test_without_a_program_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "nginx.conf").write_text("events {}")
    trial = await try_out(read_tree(str(tmp_path / "nginx.conf")), program="/nonexistent/nginx", prefix=None)
    assert trial == Trial(None, "there is no nginx program to try it with")


async def test_one_that_takes_too_long_is_ended_and_nothing_is_said(public_directory: Path) -> None:
    slow = public_directory / "nginx"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    (public_directory / "nginx.conf").write_text("events {}")
    trial = await try_out(read_tree(str(public_directory / "nginx.conf")), program=str(slow), prefix=None, seconds=0.5)
    assert trial == Trial(None, "it could not be tried: it took too long")

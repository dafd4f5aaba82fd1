"""A configuration as a text, loaded from a directory of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from monitor.config.load import ConfigError, Loaded, load

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[str]]


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """`loaded(text, {"NAME": "value"}, env_file="…")`: what load() makes of it."""
    monkeypatch.chdir(tmp_path)

    def do(text: str, environ: Mapping[str, str] | None = None, *, env_file: str | bytes | None = None) -> Loaded:
        path = tmp_path / "config.yaml"
        path.write_text(dedent(text), encoding="utf-8")
        if env_file is not None:
            (tmp_path / ".env").write_bytes(env_file if isinstance(env_file, bytes) else dedent(env_file).encode())
        return load(path, environ or {})

    return do


@pytest.fixture
def mistakes(loaded: Load) -> Mistakes:
    """`mistakes(text, …)`: the lines that load() says of it, in order; every one of them is one line."""

    def do(text: str, environ: Mapping[str, str] | None = None, *, env_file: str | bytes | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text, environ, env_file=env_file)
        lines = [str(mistake) for mistake in caught.value.mistakes]
        assert all(len(line.splitlines()) == 1 for line in lines)
        return lines

    return do

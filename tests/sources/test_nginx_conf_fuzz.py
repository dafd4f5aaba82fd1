"""The reader against Nginx itself: both accept the same files; and no file at all brings the reader down."""

from __future__ import annotations

import re
import subprocess
import time
from itertools import count
from pathlib import Path

import pytest

from monitor.sources.nginx_conf import read
from tests.sources.nginx_configurations import Maker

NGINX = "/usr/sbin/nginx"
SHARDS = 6
COMPARED_A_SHARD = 350
MUTATED_SHARDS = 20
MUTATIONS_A_SHARD = 5_000
GRAMMAR = re.compile(
    r"unexpected |is not terminated by|has no opening|directive is not allowed here$|too long parameter"
    r'|"(events|http|server|location|upstream|types|map)" directive is duplicate|no "events" section'
)
"""What Nginx refuses by its grammar. What only a module can judge (an unknown directive, a bad number) is not ours."""


def refusal(path: Path) -> str:
    """What `nginx -t` says against a configuration; empty if it accepts it."""
    done = subprocess.run(
        [NGINX, "-t", "-q", "-e", "stderr", "-p", f"{path.parent}/", "-c", path],
        capture_output=True,
        check=False,
    )
    said = re.search(rb"\[emerg\] \d+#\d+: (.*?)(?: in \S+:\d+)?\n", done.stderr, re.DOTALL)
    assert (done.returncode == 0) == (said is None), done.stderr
    return said[1].decode(errors="replace") if said else ""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_2100_made_up_configurations_are_accepted_exactly_when_nginx_accepts_them(tmp_path: Path, shard: int) -> None:
    """350 in each shard. Files that only a module refuses, and that have no mistake of grammar, are not counted."""
    make, path = Maker(shard), tmp_path / "nginx.conf"
    compared = accepted = 0
    for number in count():
        path.write_text(make.slipped() if number % 2 else make.valid(), newline="")
        why, found = refusal(path), read(str(path))
        if why and not GRAMMAR.search(why) and not found.mistakes:
            continue
        assert bool(why) == bool(found.mistakes), (why, found.mistakes, path.read_text())
        compared, accepted = compared + 1, accepted + (not why)
        if compared == COMPARED_A_SHARD:
            break
    assert 0.3 < accepted / compared < 0.8, "a mix that tests both sides"


@pytest.mark.parametrize("shard", range(MUTATED_SHARDS))
def test_100000_mutations_bring_nothing_down(tmp_path: Path, shard: int) -> None:
    """5,000 in each shard: each is read to the end, with everything that follows from it."""
    make, path = Maker(1000 + shard), tmp_path / "nginx.conf"
    whole = (tmp_path / "whole.conf").absolute()
    whole.write_text("server { location /inc { proxy_pass http://$pool; } }")
    text = ""
    for number in range(MUTATIONS_A_SHARD):
        if number % 20 == 0:
            text = make.valid() + f"include {whole}; include *.conf; ssl_certificate a; set_by_lua_block $x {{ '}}' }}"
        path.write_text(make.noise(text), encoding="utf-8", errors="surrogateescape", newline="")
        found = read(str(path))
        assert found.files
        repr(found)


SITE = """
server {{
    listen 80;
    listen 443 ssl http2;
    server_name site{n}.example.com www.site{n}.example.com;
    ssl_certificate /etc/letsencrypt/live/site{n}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/site{n}/privkey.pem;
    # what the customers see
    access_log /var/log/nginx/site{n}.log main;
    location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto "$scheme";
        proxy_read_timeout 60s;
    }}
    location ~* \\.(css|js|png)$ {{
        expires 30d;
        add_header Cache-Control "public";
    }}
    location /api/ {{ proxy_pass http://backend/; proxy_connect_timeout 5s; }}
    location = /health {{ return 200 'ok'; }}
}}
"""


def test_500_virtual_hosts_in_files_of_their_own_are_read_in_a_moment(tmp_path: Path) -> None:
    """Measured against splitting the same files into words, which no reader can do without, on the same machine."""
    (tmp_path / "sites").mkdir()
    for number in range(500):
        (tmp_path / "sites" / f"{number}.conf").write_text(SITE.format(n=number, port=3000 + number))
    path = tmp_path / "nginx.conf"
    path.write_text("events {}\nhttp { upstream backend { server 127.0.0.1:3000; }\ninclude sites/*.conf; }")
    found, took, split = read(str(path)), list[float](), list[float]()
    for _ in range(5):
        began = time.process_time()
        found = read(str(path))
        took.append(time.process_time() - began)
        began = time.process_time()
        for each in (tmp_path / "sites").iterdir():
            re.findall(r"[^\s;{}]+|[;{}]", each.read_text())
        split.append(time.process_time() - began)
    assert (len(found.files), len(found.routes), found.problems) == (501, 1500, ())
    print(f"500 virtual hosts: {min(took) * 1000:.0f} ms; words: {min(split) * 1000:.0f} ms")  # noqa: T201 — for -s
    assert min(took) < 15 * min(split)

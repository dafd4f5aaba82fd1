"""The lab's Nginx: as SignalCraft's, on ports that anybody may open."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import psutil

from tests.lab.places import HOST, LabError, Places
from tests.lab.processes import environment, of_file, run, send, wait_until

_CONFIG = """\
# SignalCraft's front, in the lab
{user}worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/error.log warn;

events {{
    worker_connections 256;
}}

http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/temp/client_body;
    proxy_temp_path {home}/temp/proxy;
    fastcgi_temp_path {home}/temp/fastcgi;
    uwsgi_temp_path {home}/temp/uwsgi;
    scgi_temp_path {home}/temp/scgi;

    map $http_upgrade $connection_upgrade {{
        default upgrade;
        '' '';
    }}

    server {{
        listen {host}:{port};
        server_name signalcraft.test localhost;

        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 60s;
        proxy_send_timeout 60s;
        proxy_read_timeout 60s;
        proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
        proxy_next_upstream_tries 3;
        proxy_next_upstream_timeout 10s;

        location / {{
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_pass http://{host}:{node};
        }}

        location /api/flask/ {{
            proxy_pass http://{host}:{python}/;
        }}
    }}

    server {{
        listen {host}:{status};

        location = /stub_status {{
            stub_status;
            access_log off;
        }}
    }}
}}
"""


def install(places: Places) -> None:
    """Its configuration; as root the workers stay root, or they could not enter the lab's directory everywhere."""
    (places.nginx / "temp").mkdir(parents=True)
    places.nginx_config.write_text(configuration(places))


def configuration(places: Places) -> str:
    """What the file says in a lab where nothing is broken."""
    return _CONFIG.format(
        user="user root;\n" if os.geteuid() == 0 else "",
        home=places.nginx,
        host=HOST,
        port=places.nginx_port,
        status=places.status_port,
        node=places.node_port,
        python=places.python_port,
    )


def start(places: Places) -> None:
    """Nothing to do when it runs."""
    if master(places):
        return
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise LabError("Nginx is not installed: make setup")
    run(
        [program, "-p", places.nginx, "-c", places.nginx_config, "-e", places.nginx / "error.log"],
        environ=environment(places.directory),
        cwd=places.nginx,
    )
    wait_until(lambda: master(places), "Nginx's pid file")


def stop(places: Places) -> None:
    """At once, as `systemctl stop nginx` does."""
    if running := master(places):
        send([running], signal.SIGTERM)
        wait_until(lambda: master(places) is None, "Nginx's end")


def master(places: Places) -> psutil.Process | None:
    """Its master process, or None."""
    return of_file(Path(places.nginx / "nginx.pid"), places)

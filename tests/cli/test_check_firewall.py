"""What a person at the terminal is told of a missing rule: the command, in one piece."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.daemon.running import command, free_port
from tests.lab import aws as lab_aws

CONFIG = """
aws: {{endpoint_url: "{url}"}}
databases: {{default: {{host: 127.0.0.1, port: {port}, name: app, user: app}}}}
services:
  wall: {{checks: [{{kind: security_group, endpoint: {endpoint}, host: {{groups: [{app}]}}}}]}}
"""
QUIET = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def test_the_command_that_opens_the_path_can_be_copied_from_the_terminal(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    with socket.create_server(("127.0.0.1", 0)) as server, lab_aws.moto(free_port()) as url:
        port = server.getsockname()[1]
        aws = lab_aws.Aws(url)
        app, database = aws.group("app"), aws.group("db")
        endpoint = aws.database("signalcraft", port, [database])
        config.write_text(CONFIG.format(url=url, port=port, endpoint=endpoint, app=app))
        done = command("check", "--config", config, more=QUIET | lab_aws.CREDENTIALS)
    assert done.returncode == 1, done.stderr
    assert (
        f"aws ec2 authorize-security-group-ingress --group-id {database} --protocol tcp --port {port}"
        f" --source-group {app} --region ap-northeast-2\n"
    ) in done.stdout
    assert "path_closed" in done.stdout


def test_where_there_is_no_aws_it_says_what_is_missing_and_is_soon_done(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(url="http://127.0.0.1:9", port=5432, endpoint="db.abc.rds.example", app="sg-1"))
    done = command("check", "--config", config, more={**QUIET, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert done.returncode == 3
    assert "not configured: " in done.stdout

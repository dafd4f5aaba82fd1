"""The product's `.env`, and the monitor's configuration for the lab."""

from __future__ import annotations

from tests.lab import aws
from tests.lab.app_troubles import disk_bound
from tests.lab.places import HOST, Places
from tests.lab.postgres import APP_ROLE, DATABASE

_ENV = """\
# SignalCraft's settings: both backends and the monitor read them here
DB_HOST={host}
DB_PORT={port}
DB_NAME={name}
DB_USER={user}
DB_PASSWORD='{password}'

# the monitor's own; on an EC2 instance boto3 finds all of AWS_* by itself
AWS_ACCESS_KEY_ID=lab
AWS_SECRET_ACCESS_KEY=lab
AWS_EC2_METADATA_SERVICE_ENDPOINT={metadata}
ALERT_WEBHOOK_URL={webhook_url}
ALERT_WEBHOOK_SECRET={webhook_secret}
"""

_MONITOR = """\
# The shipped config.yaml with the lab's places in it, and looks that come more often.
env_file: product/.env
web: {{listen: "{host}:{daemon_port}"}}
state: {{directory: "{state}"}}
aws: {{endpoint_url: "{aws}"}}
services:
  rds:
    checks: [{{kind: rds, every: 2s, timeout: 10s}}]
  rds-firewall:
    checks: [{{kind: security_group, database: rds, intended: [{app}], endpoint: {endpoint}, every: 10s}}]
  pm2:
    checks: [{{kind: pm2, home: "{pm2_home}", every: 2s}}]
  signalcraft-nodejs:
    depends_on: [rds]
    checks:
      - {{kind: pm2, home: "{pm2_home}", app: signalcraft-nodejs, instances: max, every: 2s}}
      - {{kind: wiring, home: "{pm2_home}", app: signalcraft-nodejs, database: rds, every: 2s, edit_grace: 3s}}
      - {{kind: http, url: "http://{host}:{node_port}/health", every: 2s}}
  signalcraft-python:
    depends_on: [rds]
    checks:
      - {{kind: pm2, home: "{pm2_home}", app: signalcraft-python, every: 2s}}
      - {{kind: wiring, home: "{pm2_home}", app: signalcraft-python, database: rds, pool_max: 2,
          every: 2s, edit_grace: 3s}}
      - {{kind: http, url: "http://{host}:{python_port}/health", every: 2s}}
  nginx:
    depends_on: [signalcraft-nodejs, signalcraft-python]
    checks: [{{kind: nginx, config: "{nginx_config}", every: 2s}}]
  host: # a busy machine is no trouble here, and the disk counts as full some gibibytes from now: the fault disk-full
    checks:
      - kind: host
        every: 2s
        disks: ["{directory}"]
        thresholds:
          cpu: {{warning: null, critical: null}}
          memory: {{warning: null, critical: 99%}}
          disk: {{warning: {disk_bound:.6f}, critical: {disk_bound:.6f}}}
notify:
  - {{kind: webhook, url: "${{ALERT_WEBHOOK_URL}}", secret: "${{ALERT_WEBHOOK_SECRET}}"}}
"""


def install(places: Places) -> None:
    """The product's file; the password is quoted because it holds what would otherwise be syntax."""
    places.product.mkdir(exist_ok=True)
    places.env_file.touch(mode=0o600)
    places.env_file.write_text(
        _ENV.format(
            host=places.database_host,
            port=places.postgres_port,
            name=DATABASE,
            user=APP_ROLE,
            password=places.app_password,
            webhook_url=places.receiver,
            webhook_secret=places.webhook_secret,
            metadata=places.metadata,
        )
    )
    places.monitor_state.mkdir(mode=0o700)


def install_monitor(places: Places) -> None:
    """The monitor's configuration; AWS has to be there, for it chooses its ids itself."""
    known = aws.record(places)
    places.monitor_config.write_text(
        _MONITOR.format(
            host=HOST,
            daemon_port=places.daemon_port,
            node_port=places.node_port,
            nginx_config=places.nginx_config,
            python_port=places.python_port,
            state=places.monitor_state,
            pm2_home=places.pm2_home,
            aws=places.aws,
            app=known["app"],
            endpoint=known["endpoint"],
            directory=places.directory,
            disk_bound=disk_bound(places.directory),
        )
    )

"""`python -m monitor` is `infra-monitor`."""

import sys

from monitor.cli.main import main

sys.exit(main())

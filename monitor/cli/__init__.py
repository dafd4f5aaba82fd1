"""The command `infra-monitor`; one file per command group."""

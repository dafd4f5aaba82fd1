"""From config.yaml and .env to validated, frozen values."""

"""Where notices go; one file per channel."""

"""What a look at a kind of thing is; one file per kind."""

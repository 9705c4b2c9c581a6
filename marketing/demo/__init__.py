"""The demonstration: an invented clinic, its people and its mail; exists only with DEMO=1."""

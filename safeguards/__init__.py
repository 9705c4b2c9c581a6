"""The doors: sealing, audit, queue, notices and the other ways that must be the only way."""

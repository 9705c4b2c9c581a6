"""Pages of contacts: people, and the files they come from."""

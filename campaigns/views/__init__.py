"""Pages of campaigns: planning one, watching it, approving it."""

"""The pixel and the redirect."""

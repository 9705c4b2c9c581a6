"""Sign-in, factors, sessions and the staff's accounts."""

"""Who is asking: staff, roles, second factors, sessions."""

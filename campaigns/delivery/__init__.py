"""How a message leaves: gate, composition, signature, route, transport, and the record of it."""

"""How a message leaves: mailings, the gate, the queue, the wire and its evidence."""

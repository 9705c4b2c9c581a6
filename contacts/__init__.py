"""To whom: contacts, their imports and what is known of them."""

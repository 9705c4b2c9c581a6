"""For whom: the organisation, its brands and hosts."""

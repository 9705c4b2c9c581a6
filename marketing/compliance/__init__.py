"""The officer's room: reports and evidence."""

"""The staff's first page and the tags every template uses."""

"""What is true of contacts whatever the database says: fields, reading files, mapping columns, parsing rows."""

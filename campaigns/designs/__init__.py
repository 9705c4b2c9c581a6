"""What a message says: designs, their versions, and the merge language."""

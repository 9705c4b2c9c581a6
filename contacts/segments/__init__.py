"""Which of them: rules over sealed attributes, answered by the index process."""

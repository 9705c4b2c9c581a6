"""May we: the consent ledger, topics, suppressions and the patients' own pages."""

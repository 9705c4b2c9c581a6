"""Consent: the ledger, its verbs, and the patients' own pages."""

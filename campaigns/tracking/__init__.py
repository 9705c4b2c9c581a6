"""The public open and click endpoints."""

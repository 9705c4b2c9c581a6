"""The roof: settings, addresses, servers, the demo and the readers of everything."""

from marketing.celery import app as celery_app

__all__ = ["celery_app"]

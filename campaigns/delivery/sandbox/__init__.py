"""A mail world on loopback for the demo and the tests: certificates, mail hosts, name server and mailbox.

Everything in it is real (SMTP, STARTTLS, DNS, the bytes on the wire) except that every domain ends on this
machine.
"""

from campaigns.delivery.sandbox.authority import Authority, Certificate
from campaigns.delivery.sandbox.exchange import Exchange
from campaigns.delivery.sandbox.mailbox import Mailbox, Received
from campaigns.delivery.sandbox.names import publish
from campaigns.delivery.sandbox.world import Sandbox, demo_exchanges

__all__ = [
    "Authority",
    "Certificate",
    "Exchange",
    "Mailbox",
    "Received",
    "Sandbox",
    "demo_exchanges",
    "publish",
]

"""What travels with a released message is not shown by accident."""

import pytest

from campaigns.delivery.transport import Envelope
from campaigns.delivery.verdict import Reason, Released, Withheld


def test_the_recipient_is_in_no_representation() -> None:
    released = Released(1, 2, "ann@clinic.example")
    envelope = Envelope(released, "b1.x.y@bounces.example", bytes)
    for shown in (repr(released), str(released), f"{released}", repr(envelope), repr([released])):
        assert "ann" not in shown
        assert "1" in shown


def test_a_verdict_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Released(1, 2, "ann@clinic.example").recipient = "eve@evil.example"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Withheld(1, Reason.PAUSED).reason = Reason.CANCELLED  # type: ignore[misc]

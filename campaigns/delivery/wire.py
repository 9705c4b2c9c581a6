"""What the bytes of a message must be like before they are signed or sent (RFC 5322 §2.3)."""

_NO_LINE_END = bytes(octet for octet in range(256) if octet not in b"\r\n")


def is_wire_text(content: bytes) -> bool:
    """Say whether every CR and LF is one of a pair, and the last line is ended.

    A bare one may end the message early on the far side and begin another there (SMTP smuggling).
    """
    # One pass that leaves the line ends alone; counting them takes three.
    ends = content.translate(None, _NO_LINE_END)
    return content.endswith(b"\r\n") and ends == b"\r\n" * (len(ends) // 2)

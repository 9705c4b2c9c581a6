"""Messages a second and core, rendered and signed: ours, the standard library, the RSA floor.

    python -m bench.compose [--seconds 2]

All figures come from the same run and count processor time, so their ratios hold on any machine.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

import dkim
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bench import sample
from campaigns.delivery.dkim import Signer, generate_key
from campaigns.designs.merge import Field, fill

_ROUNDS = 5


def rate(work: Callable[[int], object], seconds: float) -> float:
    """Give calls a second of processor time: the median of several rounds after warming up."""
    for number in range(3):
        work(number)
    rates = []
    for _ in range(_ROUNDS):
        number, start = 0, time.process_time()
        end = start + seconds / _ROUNDS
        while (now := time.process_time()) < end or not number:
            work(number)
            number += 1
        rates.append(number / (max(now, time.process_time()) - start))
    return statistics.median(rates)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="processor time spent on each figure")
    seconds: float = parser.parse_args().seconds
    pem = generate_key()
    design, signer = sample.compiled(), Signer("clinic.example", "s1", pem)
    html_nodes, text_nodes = sample.nodes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme, prehashed, digest = padding.PKCS1v15(), Prehashed(hashes.SHA256()), bytes(32)

    def render(number: int) -> bytes:
        return design.render(sample.headers(number), sample.values(number))

    rendered = render(1)

    def whole(number: int) -> bytes:
        message = render(number)
        return signer.sign(message, at=sample.AT) + message

    def library(number: int) -> bytes:
        headers, values = sample.headers(number), sample.values(number)
        message = EmailMessage(policy=SMTP)
        message["From"] = f'"{headers.sender_name}" <{headers.sender_address}>'
        message["To"] = headers.recipient
        message["Subject"] = headers.subject
        message["Date"] = format_datetime(headers.at)
        message["Message-ID"] = f"<{headers.token}@{headers.domain}>"
        message["List-Unsubscribe"] = f"<{headers.list_unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(fill(text_nodes, values))
        escaped = {name: escape(value) for name, value in values.items()}
        message.add_alternative(fill(html_nodes, escaped), subtype="html")
        content = message.as_bytes()
        signature: bytes = dkim.sign(content, b"s1", b"clinic.example", pem)
        return signature + content

    figures = {
        "rsa_floor": rate(lambda _: key.sign(digest, scheme, prehashed), seconds),
        "render": rate(render, seconds),
        "sign": rate(lambda _: signer.sign(rendered, at=sample.AT), seconds),
        "render_and_sign": rate(whole, seconds),
        "library": rate(library, seconds),
    }
    uses = {node.name for node in (*html_nodes, *text_nodes) if isinstance(node, Field)}
    print(
        json.dumps(
            {
                "bench": "compose",
                "message_bytes": len(whole(1)),
                "fields": len(uses),
                **{f"{name}_per_second": round(figure, 1) for name, figure in figures.items()},
                "ratio_to_rsa_floor": round(figures["render_and_sign"] / figures["rsa_floor"], 3),
                "ratio_to_library": round(figures["render_and_sign"] / figures["library"], 1),
            }
        )
    )


if __name__ == "__main__":
    main()

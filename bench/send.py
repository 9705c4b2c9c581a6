"""The whole way out on one core: rendered, signed and handed over TLS, against its floor.

    python -m bench.send [--messages 3000] [--connections 4]

The floor is what no program can leave out: the RSA signature, SHA-256 over the body, AES-256-GCM over the
message. Both figures count the processor time of the sender and come from the same run; the peer is
another process.
"""

import argparse
import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench import sample
from bench.compose import rate
from campaigns.delivery.dkim import Signer, generate_key
from campaigns.delivery.journal import Journal
from campaigns.delivery.routes import MxHost, Routes
from campaigns.delivery.sandbox import Authority
from campaigns.delivery.transport import Envelope, Kind, Source, deliver, tls_context
from campaigns.delivery.verdict import Released

_HOST = "mx.bench.test"


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
    """Be a mail host that takes everything and keeps nothing."""
    writer.write(b"220 bench\r\n")
    while line := await reader.readline():
        match line[:4].upper():
            case b"EHLO":
                writer.write(b"250-bench\r\n250-STARTTLS\r\n250 PIPELINING\r\n")
            case b"STAR":
                writer.write(b"220 go on\r\n")
                await writer.drain()
                await writer.start_tls(context)
            case b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 2.0.0 taken\r\n")
            case b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            case _:
                writer.write(b"250 2.1.0 ok\r\n")
    writer.close()


async def _sink(folder: Path) -> None:
    context = Authority(folder).server_context(_HOST)
    server = await asyncio.start_server(lambda r, w: _take(r, w, context), "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _send(folder: Path, port: int, pem: bytes, messages: int, connections: int) -> int:
    design, signer = sample.compiled(), Signer("clinic.example", "s1", pem)

    def envelope(number: int) -> Envelope:
        headers = sample.headers(number)

        def content() -> bytes:
            message = design.render(headers, sample.values(number))
            return signer.sign(message, at=sample.AT) + message

        return Envelope(Released(number, 1, headers.recipient), f"b{number}@bounces.clinic.example", content)

    with Journal.open(folder / "journal", 1) as journal:
        outcomes = deliver(
            [envelope(number) for number in range(messages)],
            routes=Routes("bench.test", (MxHost(_HOST, ("127.0.0.1",), 10),)),
            source=Source("127.0.0.1", "out.clinic.example"),
            port=port,
            tls=tls_context(Authority(folder).ca_file),
            journal=journal,
            connections=connections,
            per_connection=500,
        )
        return sum([outcome.kind is Kind.ACCEPTED async for outcome in outcomes])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--sink", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink:
        asyncio.run(_sink(options.sink))
        return
    pem = generate_key()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme, prehashed = padding.PKCS1v15(), Prehashed(hashes.SHA256())
    message = sample.compiled().render(sample.headers(1), sample.values(1))
    tunnel, nonce = AESGCM(bytes(32)), bytes(12)

    def floor(_: int) -> None:
        key.sign(sha256(message).digest(), scheme, prehashed)
        tunnel.encrypt(nonce, message, None)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Authority(folder)
        command = [sys.executable, "-m", "bench.send", "--sink", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sink:
            try:
                assert sink.stdout is not None
                port = int(sink.stdout.readline())
                # Before and after, so that a machine that slows down in between is noticed in the figure.
                before = rate(floor, 1.0)
                wall, start = time.perf_counter(), time.process_time()
                accepted = asyncio.run(_send(folder, port, pem, options.messages, options.connections))
                spent, wall = time.process_time() - start, time.perf_counter() - wall
                floor_rate = (before + rate(floor, 1.0)) / 2
            finally:
                sink.kill()
    assert accepted == options.messages, accepted
    print(
        json.dumps(
            {
                "bench": "send",
                "messages": accepted,
                "connections": options.connections,
                "cores": os.cpu_count(),
                "sent_per_second_of_one_core": round(accepted / spent, 1),
                "sent_per_second_of_wall_time": round(accepted / wall, 1),
                "floor_per_second": round(floor_rate, 1),
                "ratio_to_floor": round(accepted / spent / floor_rate, 3),
            }
        )
    )


if __name__ == "__main__":
    main()

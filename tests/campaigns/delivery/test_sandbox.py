"""The sandbox: what a sender and a reader of its mailbox may rely on."""

import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
from cryptography import x509

from campaigns.delivery.sandbox import Authority, Exchange, Mailbox, Sandbox, publish

ROOT = Path(__file__).parents[3]


def ask(port: int, name: str, kind: str, *, tcp: bool = False) -> tuple[str, list[str]]:
    question = dns.message.make_query(name, kind)
    send = dns.query.tcp if tcp else dns.query.udp
    answer = send(question, "127.0.0.1", port=port, timeout=5)
    return dns.rcode.to_text(answer.rcode()), [str(record) for each in answer.answer for record in each]


def deposit(mailbox: Mailbox, recipient: str = "ann@clinic.example") -> str:
    return mailbox.deposit(
        b"Subject: x\r\n\r\n",
        sender="b@bounces.example",
        recipient=recipient,
        peer="127.0.0.9",
        helo="out.example",
        mx_host="mx.sandbox.test",
        tls_version="TLSv1.3",
        tls_cipher="TLS_AES_256_GCM_SHA384",
    ).id


def test_every_domain_has_a_mail_host(tmp_path: Path) -> None:
    with Sandbox(tmp_path, refusing=["nomail.example"]) as sandbox:
        port = sandbox.dns_port
        assert ask(port, "whatever.example", "MX") == ("NOERROR", ["10 mx.sandbox.test."])
        assert ask(port, "Whatever.example", "MX", tcp=True) == ("NOERROR", ["10 mx.sandbox.test."])
        assert ask(port, "countryisp.example", "MX") == ("NOERROR", ["10 mx.plain.test."])
        assert ask(port, "nomail.example", "MX") == ("NOERROR", ["0 ."])
        assert ask(port, "mx.sandbox.test", "A") == ("NOERROR", ["127.0.0.25"])
        assert ask(port, "mx.plain.test", "A") == ("NOERROR", ["127.0.0.26"])
        assert ask(port, "mx.plain.test", "AAAA") == ("NOERROR", [])
        assert ask(port, "gone.invalid", "MX") == ("NXDOMAIN", [])
        assert ask(port, "clinic.example", "TXT")[1] == ['"v=spf1 ip4:127.0.0.0/8 -all"']
        assert ask(port, "_dmarc.clinic.example", "TXT")[1][0].startswith('"v=DMARC1; p=reject')
        assert ask(port, "s1._domainkey.clinic.example", "TXT") == ("NOERROR", [])


def test_a_published_name_is_answered_at_once_whole(tmp_path: Path) -> None:
    text = "v=DKIM1; k=rsa; p=" + "A" * 392
    with Sandbox(tmp_path) as sandbox:
        publish(tmp_path, "S1._domainkey.clinic.example", text)
        publish(tmp_path, "other.example", "kept beside it")
        _, (found,) = ask(sandbox.dns_port, "s1._domainkey.clinic.example", "TXT")
        assert found.replace('" "', "").strip('"') == text
        assert ask(sandbox.dns_port, "other.example", "TXT")[1] == ['"kept beside it"']


def test_a_taken_port_is_told_and_leaves_nothing_running(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "one") as first:
        second = Sandbox(tmp_path / "two", first.smtp_port)
        with pytest.raises(OSError, match="in use"):
            second.start()


def test_the_mailbox_lists_by_arrival_and_from_a_place_on(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    ids = [deposit(mailbox) for _ in range(5)]
    assert ids == sorted(ids)
    assert [entry.id for entry in mailbox.entries()] == ids
    assert [entry.id for entry in Mailbox(tmp_path).since(ids[2])] == ids[3:]
    assert mailbox.since(ids[-1]) == []


@pytest.mark.parametrize(
    "id", ["../secret", "/etc/passwd", "", "00000000000000000000-0000000000000000", "x.eml"]
)
def test_the_mailbox_reads_nothing_but_its_mail(tmp_path: Path, id: str) -> None:
    (tmp_path / "secret.eml").write_text("no")
    mailbox = Mailbox(tmp_path / "mail")
    deposit(mailbox)
    with pytest.raises(KeyError):
        mailbox.read(id)


def test_half_written_mail_is_not_listed(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    kept = deposit(mailbox)
    (tmp_path / ".00000000000000000001-0000000000000000.json").write_text("{")
    assert [entry.id for entry in mailbox.entries()] == [kept]


def test_names_of_files_and_representations_say_nothing_about_anybody(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    deposit(mailbox, "ann.patient@clinic.example")
    assert "ann" not in repr(mailbox.entries()) + " ".join(path.name for path in tmp_path.iterdir())


def test_keys_and_mail_are_for_their_owner_alone(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        deposit(sandbox.mailbox)
    for path in [*tmp_path.glob("authority/*"), *tmp_path.glob("mail/*")]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    for folder in ("authority", "mail"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


def test_the_authority_stays_the_same_from_start_to_start(tmp_path: Path) -> None:
    first = Authority(tmp_path).ca_file.read_bytes()
    Authority(tmp_path).server_context("mx.sandbox.test")
    chain = (tmp_path / "host-good-mx.sandbox.test.pem").read_bytes()
    Authority(tmp_path).server_context("mx.sandbox.test")
    assert Authority(tmp_path).ca_file.read_bytes() == first
    assert (tmp_path / "host-good-mx.sandbox.test.pem").read_bytes() == chain
    root = x509.load_pem_x509_certificate(first)
    x509.load_pem_x509_certificate(chain).verify_directly_issued_by(root)


def talk(address: str, port: int, lines: Sequence[str]) -> str:
    """Speak plain SMTP from another process, one command at a time, and give all that was answered."""
    script = (
        "import ast, socket, sys\n"
        "peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).makefile('rwb')\n"
        "def answer():\n"
        "    while True:\n"
        "        line = peer.readline(); sys.stdout.write(line.decode())\n"
        "        if line[3:4] != b'-': return\n"
        "answer()\n"
        "for line in ast.literal_eval(sys.argv[3]):\n"
        "    peer.write(line.encode() + b'\\r\\n'); peer.flush(); answer()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, address, str(port), repr(list(lines))],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return done.stdout


def test_a_host_with_tls_takes_nothing_plain_and_one_without_says_so(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        secure = talk("127.0.0.25", sandbox.smtp_port, ["EHLO a.example", "MAIL FROM:<b@c.example>"])
        assert "STARTTLS" in secure
        assert "530 Must issue a STARTTLS command first" in secure
        plain = talk("127.0.0.26", sandbox.smtp_port, ["EHLO a.example", "MAIL FROM:<b@c.example>"])
        assert "STARTTLS" not in plain
        assert plain.splitlines()[-1].startswith("250")


def test_no_address_reaches_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    plain = Exchange("mx.plain.test", "127.0.0.26", starttls=False)
    with Sandbox(tmp_path, exchanges=[plain]) as sandbox:
        said = ["EHLO a.example", "MAIL FROM:<zoe@c.example>", "RCPT TO:<canary@c.example>", "DATA"]
        talk("127.0.0.26", sandbox.smtp_port, [*said, "Subject: canary\r\n\r\ncanary\r\n."])
        assert len(sandbox.mailbox.entries()) == 1
        ask(sandbox.dns_port, "canary.example", "MX")
    assert "canary" not in caplog.text
    assert "zoe" not in caplog.text


def command(tmp_path: Path, demo: str) -> "subprocess.Popen[str]":
    options = ["--folder", str(tmp_path / "box"), "--smtp-port", "0", "--no-tls", "old.example"]
    return subprocess.Popen(
        [sys.executable, "manage.py", "sandbox", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "WELLSENT_DEMO": demo},
    )


def test_the_command_says_when_it_is_ready_and_ends_when_told(tmp_path: Path) -> None:
    child = command(tmp_path, "1")
    try:
        assert child.stdout is not None
        words = child.stdout.readline().split()
        assert words[:4] == ["sandbox", "ready:", "SMTP", "port"]
        assert ask(int(words[-1]), "old.example", "MX")[1] == ["10 mx.plain.test."]
        assert "220 mx.sandbox.test" in talk("127.0.0.25", int(words[4].rstrip(",")), [])
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.communicate()


def test_the_command_is_for_the_demo_alone(tmp_path: Path) -> None:
    child = command(tmp_path, "0")
    _, told = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "Set WELLSENT_DEMO=1" in told
    assert not (tmp_path / "box").exists()

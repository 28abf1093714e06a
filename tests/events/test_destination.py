"""Which addresses a webhook may reach, and that it reaches the one that was looked at."""

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nostro.events.connection import Connections, Target
from nostro.events.destination import NotPublic, is_private, is_public
from receiver import Receiver, answer

PRIVATE = """
    127.0.0.1 127.8.8.8 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0
    224.0.0.1 240.0.0.1 255.255.255.255 192.0.2.1 198.18.0.1
    ::1 :: fe80::1 fc00::1 fd12:3456::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 2002:7f00:1:: 2002:a00:1::
    64:ff9b::7f00:1 64:ff9b::a00:1 2001:db8::1
""".split()
PUBLIC = "8.8.8.8 1.1.1.1 172.32.0.1 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808".split()


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert is_private(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert not is_private(address)


def test_names_that_plainly_lead_inside() -> None:
    for host in ("localhost", "api.localhost", "printer.local", "metadata.google.internal", "intranet"):
        assert is_private(host)
    assert not is_private("hooks.example.com")


class Names:
    """A name server whose answers change: the attack that a check by name alone falls to."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        return [(None, None, None, "", (address, port)) for address in self.answers.pop(0)]


async def connect(monkeypatch: pytest.MonkeyPatch, names: Names, private: bool = False) -> list[str]:
    """Where the connections of one delivery go."""
    opened: list[str] = []

    async def open_connection(host: str, *_: Any, **__: Any) -> Any:
        opened.append(host)
        raise OSError("nobody there")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names)
    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    with pytest.raises(OSError, match=r"nobody there|has no address"):
        await Connections(private).post("https://hooks.example.com/", [], b"{}", 100)
    return opened


async def test_the_connection_is_made_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    assert await connect(monkeypatch, names) == ["8.8.8.8"]
    assert names.asked == 1


async def test_one_private_address_among_several_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotPublic, match=r"10\.0\.0\.1"):
        await connect(monkeypatch, Names(["8.8.8.8", "10.0.0.1"]))
    assert await connect(monkeypatch, Names(["10.0.0.1"]), private=True) == ["10.0.0.1"]


async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await connect(monkeypatch, Names(["8.8.4.4", "8.8.8.8"])) == ["8.8.4.4", "8.8.8.8"]
    assert await connect(monkeypatch, Names([])) == []


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("https://hooks.example.com:443/a?b=c&d=%20", "hooks.example.com", "/a?b=c&d=%20"),
        ("http://hooks.example.com:8080/ä b", "hooks.example.com:8080", "/%C3%A4%20b"),
        ("https://bücher.example/x#part", "xn--bcher-kva.example", "/x"),
        ("http://[::1]:99/x", "[::1]:99", "/x"),
    ],
)
def test_how_a_url_is_sent_to(url: str, authority: str, path: str) -> None:
    target = Target.of(url)
    assert (target.authority, target.path) == (authority, path)


async def test_a_connection_is_kept_and_one_that_was_closed_meanwhile_is_made_anew(receiver: Receiver) -> None:
    connections = Connections(private=True)
    receiver.answers = [answer(200, b"one"), answer(200, b"two", "Connection: close"), answer(200, b"three")]
    got = [await connections.post(receiver.url, [("Content-Length", "2")], b"{}", 100) for _ in range(3)]
    assert got == [(200, b"one"), (200, b"two"), (200, b"three")]
    assert receiver.connections == 2
    receiver.drop_after = 3
    assert await connections.post(receiver.url, [("Content-Length", "2")], b"{}", 100) == (200, b"thanks")
    await asyncio.sleep(0.01)  # the receiver has closed the kept connection
    assert await connections.post(receiver.url, [("Content-Length", "2")], b"{}", 100) == (200, b"thanks")
    await connections.close()


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for a name, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(start).not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(("name", "trusted", "refusal"), [
    ("localhost", True, None), ("localhost", False, "self-signed"), ("other.example", True, "Hostname mismatch"),
])  # fmt: skip
async def test_a_certificate_must_be_trusted_and_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, refusal: str | None
) -> None:
    file = certificate(tmp_path, name)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    receiver = Receiver()
    await receiver.start(server)
    if trusted:
        mine = ssl.create_default_context(cafile=str(file))
        monkeypatch.setattr("nostro.events.connection._tls", lambda: mine)
    connections = Connections(private=True)
    url = receiver.url.replace("http://127.0.0.1", "https://localhost")
    sending = connections.post(url, [("Content-Length", "2")], b"{}", 100)
    if refusal is None:
        assert await sending == (200, b"thanks")
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match=refusal):
            await sending
    await connections.close()
    await receiver.stop()

"""Where registered solvers may be: which URLs and addresses are refused, in every spelling."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from engine.runtime.outgoing import Post, Target, check_address
from intents.errors import InputError
from tests.runtime.stand_in import serving

PUBLIC = ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
]
NEVER = [str(IPv4Address(0)), "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0"]


def code_of(address: str, *, private: bool) -> str:
    try:
        check_address(ip_address(address), private=private)
    except InputError as error:
        return error.code
    return ""


def test_only_public_addresses_pass_unless_private_ones_are_allowed() -> None:
    refused = "forbidden_address"
    assert {code_of(address, private=False) for address in PUBLIC} == {""}
    assert {address: code_of(address, private=False) for address in PRIVATE} == dict.fromkeys(PRIVATE, refused)
    assert {code_of(address, private=True) for address in (*PUBLIC, *PRIVATE)} == {""}
    assert {code_of(address, private=True) for address in NEVER} == {refused}


def test_one_forbidden_address_of_a_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*addresses: str) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)

    target = Target.parse("https://solver.example/base", private=False)
    resolved("8.8.8.8", "8.8.4.4", "8.8.8.8")
    assert target.addresses(private=False) == ["8.8.8.8", "8.8.4.4"]
    resolved("8.8.8.8", "10.0.0.1")
    with pytest.raises(InputError, match="forbidden_address"):
        target.addresses(private=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://solver.example", Target(secure=True, host="solver.example", port=443, path="")),
        ("https://solver.example:8443/a/b", Target(secure=True, host="solver.example", port=8443, path="/a/b")),
        ("http://[::1]:80", Target(secure=False, host="::1", port=80, path="")),
    ],
)
def test_urls(url: str, expected: Target) -> None:
    assert Target.parse(url, private=True) == expected


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_the_certificate_must_be_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)

    def post(host: str) -> tuple[bytes, str]:
        url = f"https://{host}:{server.server_port}/solve"
        sent = Post(url, b"{}", {}, most=100, until=time.monotonic() + 5, private=True)
        sent.wait()
        answer = sent.freeze()
        return answer.content, answer.failure

    with serving(lambda request, _: request.reply(b"well")) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        assert post("localhost") == (b"", "unreachable")  # nobody vouches for it
        monkeypatch.setenv("SSL_CERT_FILE", str(made))
        assert post("localhost") == (b"well", "")
        assert post("127.0.0.1") == (b"", "unreachable")


BAD: list[Any] = [
    *("", "solver.example", "ftp://solver.example", "https://", "https:///path", "https://user@solver.example"),
    *("https://solver.example/", "https://solver.example/a?b", "https://solver.example/#a", "https://Solver.example"),
    *(
        "https://solver.example:0",
        "https://solver.example:99999",
        "https://solver.example:x",
        "https://a b",
        "https://ä.eu",
    ),
    *("https://solver.example\r\nHost: x", "https://solver.example/\n", "https://[::1", "https://x/" + "a" * 300),
    *("https://solver.example:443:443", "https://solver.example:", "https://solver.example/a/../b%2f"),
]


@pytest.mark.parametrize("url", BAD)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="bad_url"):
        Target.parse(url, private=True)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://solver.example", "bad_url"),
        ("https://127.0.0.1:9000", "forbidden_address"),
        ("https://[::ffff:127.0.0.1]", "forbidden_address"),
        ("https://10.0.0.1", "forbidden_address"),
    ],
)
def test_what_is_refused_where_private_targets_are_not_allowed(url: str, code: str) -> None:
    with pytest.raises(InputError, match=code):
        Target.parse(url, private=False)

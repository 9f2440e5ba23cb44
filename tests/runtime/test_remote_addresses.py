"""Where registered solvers may be: which URLs and addresses are refused, in every spelling."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest

from engine.runtime.outgoing import Target, check_address
from intents.errors import InputError

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

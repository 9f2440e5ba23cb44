"""One POST to an address that strangers chose: bounded in bytes and time, to checked addresses, following nothing.

Guarantees
1. Private, loopback and other addresses that are not the public internet's are refused unless allowed, as is plain http.
   A host is resolved once, every address it has is checked, and the connection is made to a checked one.
2. A redirect is a failure. No proxy, cookie or credential of the environment is used; no compression is asked for.
3. `freeze` returns at once with what has arrived, whatever the other side does; no more is kept than the limit.

It tells no content from another: what arrived is bytes.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from intents.errors import InputError

CHUNK_BYTES = 64 * 1024
MAX_URL = 300

_HOST = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]", re.ASCII)
_PATH = re.compile(r"(/[-._~a-zA-Z0-9]+)*", re.ASCII)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL: `https://host[:port][/path]`, or http where private targets are allowed."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str, *, private: bool) -> Target:
        """Read a URL. Raises InputError `bad_url` for one in another form, `forbidden_address` for a host by number.

        A host by name is resolved, and its addresses checked, when the connection is made.
        """
        expected = "https://host[:port][/path]"
        if private:
            expected += " or http://..."
        parts = _split(url)
        if parts is None or parts.scheme not in ({"http", "https"} if private else {"https"}):
            raise InputError("bad_url", "/url", expected=expected, actual=ascii(url[:MAX_URL]))
        host = parts.netloc.rsplit(":", 1)[0] if parts.port is not None else parts.netloc
        spelled = f"{parts.scheme}://{host}{'' if parts.port is None else f':{parts.port}'}{parts.path}"
        if url != spelled or not _HOST.fullmatch(host) or not _PATH.fullmatch(parts.path) or parts.port == 0:
            raise InputError("bad_url", "/url", expected=expected, actual=ascii(url[:MAX_URL]))
        secure = parts.scheme == "https"
        target = cls(secure, host.strip("[]"), parts.port or (443 if secure else 80), parts.path)
        try:
            address = ipaddress.ip_address(target.host)
        except ValueError:
            return target  # a name
        check_address(address, private=private)
        return target

    def addresses(self, *, private: bool) -> list[str]:
        """The host's addresses, all checked. Raises InputError `forbidden_address`, OSError where it has none."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            check_address(ipaddress.ip_address(address), private=private)
        return addresses


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if len(url) <= MAX_URL and url.isascii() and (parts.port is None or parts.port) else None
    except ValueError:
        return None


def check_address(address: Address, *, private: bool) -> None:
    """Raise InputError `forbidden_address` unless it, and what is embedded in it, is public, or private ones are allowed."""
    for one in _meant(address):
        usable = not (one.is_multicast or one.is_unspecified)
        if not usable or not (private or one.is_global):
            raise InputError("forbidden_address", "/url", expected="a public address", actual=str(address))


def _meant(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address that an IPv6 transition mechanism (RFC 4291, 3056, 4380, 6052) reaches by it."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
        if address.sixtofour is not None:
            yield address.sixtofour
        if address.teredo is not None:
            yield address.teredo[1]
        if address in _NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Answer:
    """What had arrived, why that is not all ("" where it is), and after how many seconds it ended."""

    content: bytes
    failure: str
    detail: str
    seconds: float


class Post:
    """One POST under way in a thread of its own."""

    def __init__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, most: int, until: float, private: bool
    ) -> None:
        """Starts it. At most `most` bytes are taken; it gives up when the monotonic clock is at `until`."""
        self._url = url
        self._body = body
        self._headers = {"Content-Type": "application/json", "Connection": "close", **headers}
        self._most, self._until, self._private = most, until, private
        self._content = bytearray()
        self._failure, self._detail = "late", ""
        self._lock = threading.Lock()
        self._frozen = False
        self._socket: socket.socket | None = None
        self._started = self._ended = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until it has ended, or `until`."""
        self._thread.join(max(0.0, self._until - time.monotonic()))

    def freeze(self) -> Answer:
        """What is there now; what comes later is not heard."""
        with self._lock:
            if not self._frozen and self._failure == "late":
                self._ended = time.monotonic()
            self._frozen = True
            if self._socket is not None:
                with suppress(OSError):  # it is closed already
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            return Answer(bytes(self._content), self._failure, self._detail, self._ended - self._started)

    def _run(self) -> None:
        try:
            failure, detail = self._exchange(), ""
        except InputError as error:
            failure, detail = error.code, error.actual
        except TimeoutError:
            failure, detail = "late", ""
        except (OSError, HTTPException, UnicodeError) as error:
            failure, detail = "unreachable", ascii(str(error) or type(error).__name__)[:200]
        with self._lock:
            if not self._frozen:
                self._failure, self._detail, self._ended = failure, detail, time.monotonic()

    def _exchange(self) -> str:
        target = Target.parse(self._url, private=self._private)
        connection = _Connection(target, self._left(), private=self._private, opened=self._opened)
        try:
            connection.request("POST", target.path or "/", self._body, self._headers)
            response = connection.getresponse()
            if 300 <= response.status < 400:
                return "redirected"
            if response.status not in {200, 204}:
                return "bad_status"
            while chunk := response.read1(CHUNK_BYTES):
                with self._lock:
                    if self._frozen or time.monotonic() > self._until:
                        return "late"
                    if len(self._content) + len(chunk) > self._most:
                        self._content.clear()
                        return "too_large"
                    self._content += chunk
            if response.length:
                return "unreachable"  # it ended before the length that it stated
            return ""
        finally:
            connection.close()

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _opened(self, opened: socket.socket) -> None:
        with self._lock:
            if self._frozen:
                raise TimeoutError
            self._socket = opened


class _Connection(HTTPConnection):
    """A connection to a checked address of the target; the name is still what the certificate must be for."""

    def __init__(
        self, target: Target, seconds: float, *, private: bool, opened: Callable[[socket.socket], None]
    ) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self._target, self._seconds, self._private, self._tell = target, seconds, private, opened

    def connect(self) -> None:
        """Connect. Raises InputError `forbidden_address`, OSError."""
        until = time.monotonic() + self._seconds
        fault: OSError = OSError("no address")
        for address in self._target.addresses(private=self._private):
            try:
                plain = socket.create_connection((address, self._target.port), max(0.001, until - time.monotonic()))
            except OSError as error:
                fault = error
                continue
            self.sock = plain  # so that closing this closes it, whatever comes next
            self._tell(plain)
            if self._target.secure:
                context = ssl.create_default_context()
                secured = context.wrap_socket(plain, server_hostname=self._target.host, do_handshake_on_connect=False)
                self.sock = secured
                self._tell(secured)
                secured.do_handshake()
            return
        raise fault

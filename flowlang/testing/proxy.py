"""A TCP proxy that breaks the network between a program and its database, in the ways in which networks break.

    proxy = Proxy(server.port)
    journal = open_journal(server.url(database, port=proxy.port), clock)
    proxy.cut()                     every connection is reset
    proxy.swallow(True, True)       a black hole: what is sent is acknowledged and goes nowhere
    proxy.swallow(False, True)      half open: requests arrive, answers do not
    proxy.lose()                    a black hole for the connections that there are; new ones work
    proxy.delay_s = 2.0             latency
    proxy.cut_reply(3)              the next request arrives; of its answer 3 bytes do, then the connection is reset

Each connection has two threads, one for each direction.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Final

_CHUNK: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""Closing a socket with this linger resets the connection instead of ending it."""


class Proxy:
    """Listens on `port` of this host, and passes on to another port of this host."""

    def __init__(self, target_port: int) -> None:
        self.delay_s = 0.0
        self.cuts = 0
        self._target_port = target_port
        self._guard = threading.Lock()
        self._links: set[_Link] = set()
        self._swallows = (False, False)
        self._reply_bytes: int | None = None
        self._marker = b""
        self._is_refusing = False
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Resets every connection."""
        with self._guard:
            links = list(self._links)
        for link in links:
            link.reset()

    def swallow(self, requests: bool, answers: bool) -> None:
        """From now on drops what the program sends, or what the server sends, on connections there are and to come."""
        self._swallows = (requests, answers)

    def lose(self) -> None:
        """Drops whatever is sent over the connections that there are now, in both directions, until they end."""
        with self._guard:
            for link in self._links:
                link.is_lost = True

    def refuse(self, refusing: bool) -> None:
        """Whether new connections are reset at once."""
        self._is_refusing = refusing

    def cut_reply(self, after_bytes: int, marker: bytes = b"") -> None:
        """Lets the next request that holds `marker` through, and resets its connection when that many bytes of the
        answer have been passed on."""
        with self._guard:
            self._marker = marker
            self._reply_bytes = after_bytes

    def close(self) -> None:
        """Ends everything."""
        self._stop.set()
        # A thread that waits in `accept` keeps the socket open; `shutdown` wakes it.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_refusing:
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port), 5.0)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(self, client, server)
            with self._guard:
                self._links.add(link)
            link.start()

    def take_cut(self, request: bytes) -> int | None:
        """How many bytes of the answer to this request may pass, or None for all."""
        with self._guard:
            if self._reply_bytes is None or self._marker not in request:
                return None
            allowed, self._reply_bytes = self._reply_bytes, None
            self.cuts += 1
            return allowed

    def swallows(self, is_request: bool) -> bool:
        """Whether that direction is a black hole."""
        return self._swallows[0] if is_request else self._swallows[1]

    def wait(self) -> None:
        """The latency of one direction."""
        if self.delay_s:
            self._stop.wait(self.delay_s)

    def forget(self, link: _Link) -> None:
        """A connection has ended."""
        with self._guard:
            self._links.discard(link)


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._allowed: int | None = None
        self.is_lost = False

    def start(self) -> None:
        for is_request in (True, False):
            threading.Thread(target=self._pump, args=(is_request,), name="proxy-link", daemon=True).start()

    def reset(self) -> None:
        """Ends both halves as a crashed router would."""
        for end in (self._client, self._server):
            _reset(end)
        self._proxy.forget(self)

    def _pump(self, is_request: bool) -> None:
        source, sink = (self._client, self._server) if is_request else (self._server, self._client)
        try:
            while data := source.recv(_CHUNK):
                self._proxy.wait()
                if self.is_lost or self._proxy.swallows(is_request):
                    continue
                if is_request and self._allowed is None:
                    self._allowed = self._proxy.take_cut(data)
                if not is_request and self._allowed is not None:
                    passed = data[: self._allowed]
                    sink.sendall(passed)
                    self._allowed -= len(passed)
                    if self._allowed == 0:
                        break
                    continue
                sink.sendall(data)
        except OSError:
            pass
        self.reset()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with contextlib.suppress(OSError):
        # Wakes the thread that reads it.
        end.shutdown(socket.SHUT_RD)
    end.close()

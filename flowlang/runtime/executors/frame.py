"""How an executor and the process that performs its attempts talk: frames over a pair of sockets.

A frame is one letter, a length and so many bytes. Nothing is ever pickled: attempts are described in JSON, arguments,
results and heartbeats are canonical bytes.

    to the process      B  begin: JSON about the attempt     A  its arguments     Y, N  it may commit, it may not
    from the process    S  it begins    H  heartbeat    P  progress (JSON)    C  asks to commit
                        R  result       F  failure (JSON)
"""

from __future__ import annotations

import socket
import struct
from typing import Final

HEAD: Final = struct.Struct("!cQ")


def send(connection: socket.socket, letter: bytes, payload: bytes = b"") -> None:
    """Sends one frame. Raises OSError when nobody is there."""
    connection.sendall(HEAD.pack(letter, len(payload)) + payload)


def receive(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """The next frame; None when the other side is gone."""
    head = _exactly(connection, HEAD.size)
    if head is None:
        return None
    letter, size = HEAD.unpack(head)
    payload = _exactly(connection, size)
    return None if payload is None else (letter, payload)


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        try:
            part = connection.recv(min(size - len(parts), 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)

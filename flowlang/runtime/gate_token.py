"""Tokens of gates: texts that let whoever holds one decide that gate, once, and nothing else.

A token says for which gate of which run it is, and proves it by an HMAC-SHA-256 under a key of the journal. There is no
default key: the journal makes one at first use. The signature covers the run's salt as well, so a run of the same id
in another journal, or the same gate after a reset, has other tokens. When a gate expires, and whether it was decided
before, stands in its row and not in the token: a token works for as long as its gate is open.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import attrs

from flowlang.errors import GateNotFound, RunNotFound
from flowlang.lang.values.canonical import encode
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.journal.event import (
    ChapterStarted,
    GateOpened,
    Record,
    RunForked,
    RunReset,
    RunStarted,
    position_text,
)
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.message import decision_message

VERSION: Final = "flg1"
TOKEN_MAX: Final = 2_000
"""Longer texts are not looked at."""
NOTHING: Final = encode(None)
NO_SUCH_GATE: Final = "the token belongs to no gate"
HINT: Final = "copy the whole token, or name the gate: `flowlang gates` lists those that are open"


@attrs.frozen
class GateAddress:
    """Which gate a token is for. `position` as text. It proves nothing: `verified_address` does."""

    key_id: str
    run_id: str
    position: str
    signature: str


def make_token(key_id: str, key: bytes, run_id: str, position: str, salt: str) -> str:
    """The token of a gate. `salt`: that of the run when the gate was opened."""
    signature = _text_of(_sign(key, run_id, position, salt))
    return ".".join((VERSION, key_id, _text_of(run_id.encode()), position.replace(".", "-"), signature))


def parse_token(token: str) -> GateAddress:
    """What a token says. Raises GateNotFound for any other text."""
    parts = token.strip().split(".") if len(token) <= TOKEN_MAX and token.isascii() else []
    if len(parts) != 5 or parts[0] != VERSION:
        raise GateNotFound("the text is not a token of a gate", hint=HINT)
    _, key_id, run, position, signature = parts
    try:
        run_id = urlsafe_b64decode(_padded(run)).decode()
        urlsafe_b64decode(_padded(signature))
    except (NotBase64, ValueError):
        raise GateNotFound("the text is not a token of a gate", hint=HINT) from None
    if not all(part.isdigit() for part in position.split("-")):
        raise GateNotFound("the text is not a token of a gate", hint=HINT)
    return GateAddress(key_id, run_id, position.replace("-", "."), signature)


def verified_address(journal: Journal, token: str) -> GateAddress:
    """The gate that a token is for, if the journal's own key made it. Raises GateNotFound."""
    address = parse_token(token)
    key = journal.key(address.key_id)[1]
    try:
        row = journal.run(address.run_id)
        records = journal.read(address.run_id, after=max(0, row.chapter_sequence - 1))
    except RunNotFound:
        raise GateNotFound(NO_SUCH_GATE, hint=HINT) from None
    opened = opening_of(records, address.position)
    if opened is None or opened.key_id != address.key_id:
        raise GateNotFound(NO_SUCH_GATE, run_id=address.run_id, hint=HINT)
    expected = make_token(address.key_id, key, address.run_id, address.position, opened.salt)
    # The whole token is compared, so nothing that its parts could be written like passes for it.
    if not hmac.compare_digest(expected.encode(), token.strip().encode()):
        raise GateNotFound(NO_SUCH_GATE, run_id=address.run_id, hint=HINT)
    return address


def decide_gate(
    journal: Journal, token: str, payload: bytes = NOTHING, *, by: str = "", reason: str = "",
    clock: Clock | None = None,
) -> GateAddress:  # fmt: skip
    """Decides the gate that the token is for, with a payload in canonical bytes, and says which it was. Raises
    GateNotFound for a token that is not genuine, GateClosed for a gate that was decided before or expired."""
    address = verified_address(journal, token)
    decide_position(journal, address.run_id, address.position, payload, by=by, reason=reason, clock=clock)
    return address


def decide_position(
    journal: Journal, run_id: str, position: str, payload: bytes = NOTHING, *, by: str = "", reason: str = "",
    clock: Clock | None = None,
) -> None:  # fmt: skip
    """Decides a gate by its place, for operators, who need no token. Raises GateNotFound, GateClosed, RunNotFound."""
    at_ms = (clock or SystemClock()).now_ms()
    journal.decide(decision_message(run_id, position, payload, by=by, reason=reason, at_ms=at_ms))


@attrs.frozen
class GateOpening:
    """How a gate was opened: the key of its token, and the salt that the run had."""

    key_id: str
    salt: str


def opening_of(records: Iterable[Record], position: str) -> GateOpening | None:
    """How the gate at `position` was opened, as far as an operator has not set the run back to before it."""
    salt, opened, opened_at = "", None, 0
    for record in records:
        event = record.event
        match event:
            case RunStarted() | ChapterStarted() | RunForked():
                salt = event.salt
            case RunReset():
                salt = event.salt
                if opened_at > event.to:
                    opened = None
            case GateOpened() if position_text(event.position) == position:
                opened, opened_at = GateOpening(event.key_id, salt), record.sequence
    return opened


def _sign(key: bytes, run_id: str, position: str, salt: str) -> bytes:
    signed = "\0".join(("gate", run_id, position, salt))
    return hmac.new(key, signed.encode(), sha256).digest()


def _text_of(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)

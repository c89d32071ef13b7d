"""Payloads that only their owner can read: a journal whose values pass through a codec on their way to the store.

A codec turns bytes into other bytes and back: encryption, compression, or both. It stands above the store, so every
store has it, and whatever a store does with a payload (its place by size, its checksum, its digest for duplicates)
it does with the encoded one: a journal is checked, exported, imported and pruned without the key.

Encoded are arguments, results, messages, decisions, the state of services, and the lines of the log; previews of
arguments are left out. Not encoded is what the store must search or show: ids, names of flows, actions, signals and
attributes with their values, statuses, digests, and kinds of failure of runs that the store itself stopped.

A value that was written without a codec is read as it is, so a codec may be added to a journal that has runs.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, Protocol, cast

import attrs

from flowlang.errors import FlowlangError, JournalError, MessageConflict, UsageError
from flowlang.runtime.journal.event import FlowStarted, LogWritten, MessageReceived, Record
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import Append, Effects, Loaded, Message, NewChild, NewMessage, NewWait, WaitRecord
from flowlang.runtime.message import received_payload

CODEC_VARIABLE: Final = "FLOWLANG_CODEC"
MARK: Final = b"\x00"
"""No canonical bytes begin so."""
LINE_MARK: Final = "\x01codec:"
Change = Callable[[bytes], bytes]


class PayloadCodec(Protocol):
    """`name` is stored beside each payload. `decode` must read everything that `encode` ever wrote, also with keys
    that were replaced since; it raises ValueError for anything else. Both may be called on any thread."""

    @property
    def name(self) -> str: ...

    def encode(self, payload: bytes) -> bytes: ...

    def decode(self, encoded: bytes) -> bytes: ...


def encoded_journal(journal: Journal, codec: PayloadCodec) -> Journal:
    """The journal, with all values encoded in its store."""
    if not codec.name.isalnum() or not codec.name.isascii():
        raise UsageError(f"the name of a codec has letters and digits only, not {codec.name!r}")
    return cast(Journal, EncodedJournal(journal, codec))


def configured_codec(environment: Mapping[str, str] = os.environ) -> PayloadCodec | None:
    """The codec that `FLOWLANG_CODEC=module:name` names, for programs that open a journal on their own."""
    named = environment.get(CODEC_VARIABLE)
    if not named:
        return None
    module, _, name = named.partition(":")
    try:
        found: PayloadCodec = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as problem:
        raise UsageError(
            f"`{CODEC_VARIABLE}` names `{named}`, which cannot be loaded: {problem}",
            hint="write `module:name` of an object with `name`, `encode` and `decode`",
        ) from None
    return found


class EncodedJournal:
    """See the module. It has no list of the journal's methods: values are found by their types, in what is given to
    any method and in what comes back."""

    def __init__(self, journal: Journal, codec: PayloadCodec) -> None:
        self._journal = journal
        self._codec = codec
        self._head = MARK + codec.name.encode() + MARK

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)
        if not callable(method):
            return method

        def passed(*positional: Any, **named: Any) -> Any:
            given = [_changed(each, self._encode, self._encode_line) for each in positional]
            options = {key: _changed(each, self._encode, self._encode_line) for key, each in named.items()}
            return _changed(method(*given, **options), self._decode, self._decode_line)

        self.__dict__[name] = passed  # the next look-up finds it without coming here
        return passed

    def post(self, message: NewMessage) -> bool:
        """As the store's. It compares encoded messages, and those of a codec that uses chance differ every time, so
        here a duplicate is recognised by what it says."""
        try:
            return self._journal.post(_changed(message, self._encode, self._encode_line))
        except MessageConflict:
            if not self._has_same(message):
                raise
            return False

    def _has_same(self, message: NewMessage) -> bool:
        identity = (message.channel, message.name, message.key)
        for each in self.__getattr__("open_messages")(message.run_id):
            if (each.channel, each.name, each.key) == identity:
                return bool(each.payload == message.payload)
        expected = received_payload(Message(0, message.channel, message.name, message.key, message.payload, 0))
        return any(
            type(record.event) is MessageReceived
            and record.event.key == message.key
            and record.event.payload == expected
            for record in self.__getattr__("read")(message.run_id)
        )

    def _encode(self, payload: bytes) -> bytes:
        return self._head + self._codec.encode(payload)

    def _decode(self, stored: bytes) -> bytes:
        if not stored.startswith(MARK):
            return stored
        if not stored.startswith(self._head):
            name = stored[1:].partition(MARK)[0].decode("ascii", "replace")
            raise JournalError(f"a value was encoded by `{name}`, and the codec here is `{self._codec.name}`")
        try:
            return self._codec.decode(stored[len(self._head) :])
        except ValueError:
            raise JournalError(
                f"the codec `{self._codec.name}` cannot read a value", hint="does it have the key that wrote it?"
            ) from None

    def _encode_line(self, text: str) -> str:
        return LINE_MARK + b64encode(self._encode(text.encode("utf-8", "surrogatepass"))).decode("ascii")

    def _decode_line(self, text: str) -> str:
        if not text.startswith(LINE_MARK):
            return text
        try:
            stored = b64decode(text[len(LINE_MARK) :], validate=True)
        except NotBase64:
            return text  # a script that prints the mark
        return self._decode(stored).decode("utf-8", "surrogatepass") if stored.startswith(MARK) else text


def _changed(value: Any, change: Change, change_line: Callable[[str], str]) -> Any:
    """The value with the payloads in it changed."""

    def again(each: Any) -> Any:
        return _changed(each, change, change_line)

    match value:
        case Record():
            return attrs.evolve(value, event=again(value.event))
        case LogWritten():
            return attrs.evolve(value, text=change_line(value.text))
        case FlowStarted():
            return attrs.evolve(value, preview="")
        case Effects():
            return attrs.evolve(
                value, opened=again(value.opened), children=again(value.children), sent=again(value.sent),
                outcome=None if value.outcome is None else change(value.outcome),
            )  # fmt: skip
        case Append():
            return attrs.evolve(value, events=again(value.events), effects=again(value.effects))
        case NewChild():
            return attrs.evolve(value, events=again(value.events))
        case Loaded():
            return attrs.evolve(value, records=again(value.records), messages=again(value.messages))
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(map(again, value))
        case dict():
            return {key: again(each) for key, each in value.items()}
        case FlowlangError():
            return value
        case NewMessage() | Message() | NewWait() | WaitRecord():
            return attrs.evolve(value, payload=change(value.payload))
    if type(value).__module__ == FlowStarted.__module__ and isinstance(getattr(value, "payload", None), bytes):
        return attrs.evolve(value, payload=change(value.payload))
    return value

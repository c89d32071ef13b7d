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

from flowlang.errors import CodecMissing, FlowlangError, MessageConflict, UsageError
from flowlang.runtime.journal.event import FlowStarted, LogWritten, MessageReceived, Record
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import Append, Effects, Loaded, Message, NewChild, NewMessage, NewWait, WaitRecord
from flowlang.runtime.message import received_payload

CODEC_VARIABLE: Final = "FLOWLANG_CODEC"
MARK: Final = b"\x00"
"""No canonical bytes begin so."""
LINE_MARK: Final = "\x01codec:"


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


def guarded_journal(journal: Journal) -> Journal:
    """The journal for a program that has no codec: it raises CodecMissing for a value that was encoded, instead of
    taking it for what it is not."""
    return cast(Journal, EncodedJournal(journal, None))


def stored_journal(journal: Journal) -> Journal:
    """The journal as its store has it: its values stay encoded, where they are."""
    return journal.stored if isinstance(journal, EncodedJournal) else journal


def codec_of(journal: Journal) -> PayloadCodec | None:
    """The codec that the journal's values pass through."""
    return journal.codec if isinstance(journal, EncodedJournal) else None


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


class Encoding:
    """What a codec makes of values: of single payloads and lines, and of everything that holds some. Without a codec
    values stay as they are, and there are none that were encoded."""

    def __init__(self, codec: PayloadCodec | None) -> None:
        self._codec = codec
        self._head = b"" if codec is None else MARK + codec.name.encode() + MARK

    def encoded(self, value: Any) -> Any:
        """The value with the payloads in it encoded."""
        return value if self._codec is None else _changed(value, Changes(self._encode, self._encode_line, _hidden))

    def decoded(self, value: Any) -> Any:
        """The value with the payloads in it decoded. Raises CodecMissing for what another codec, or another key,
        encoded."""
        return _changed(value, Changes(self._decode, self._decode_line))

    def _encode(self, payload: bytes) -> bytes:
        return payload if self._codec is None else self._head + self._codec.encode(payload)

    def _decode(self, stored: bytes) -> bytes:
        if not stored.startswith(MARK):
            return stored
        codec = self._codec
        if codec is None:
            raise codec_missing(stored)
        if not stored.startswith(self._head):
            raise CodecMissing(
                f"a value was encoded by `{_name_in(stored)}`, and the codec here is `{codec.name}`",
                hint="use the codec that wrote it",
            )
        try:
            return codec.decode(stored[len(self._head) :])
        except ValueError:
            raise CodecMissing(
                f"the codec `{codec.name}` cannot read a value", hint="does it have the key that wrote it?"
            ) from None

    def _encode_line(self, text: str) -> str:
        return LINE_MARK + b64encode(self._encode(text.encode("utf-8", "surrogatepass"))).decode("ascii")

    def _decode_line(self, text: str) -> str:
        stored = _encoded_line(text)
        return text if stored is None else self._decode(stored).decode("utf-8", "surrogatepass")


def codec_missing(stored: bytes) -> CodecMissing:
    """The error for an encoded value where there is no codec."""
    return CodecMissing(
        f"a value was encoded by `{_name_in(stored)}`, and there is no codec here",
        hint=f"set `{CODEC_VARIABLE}=module:name` to the codec that wrote it",
    )


def codecs_in(value: Any) -> set[str]:
    """The names of the codecs that encoded the payloads in a value."""
    names: set[str] = set()

    def payload(stored: bytes) -> bytes:
        if stored.startswith(MARK):
            names.add(_name_in(stored))
        return stored

    def line(text: str) -> str:
        payload(_encoded_line(text) or b"")
        return text

    _changed(value, Changes(payload, line))
    return names


def _name_in(stored: bytes) -> str:
    return stored[1:].partition(MARK)[0].decode("ascii", "replace")


def _encoded_line(text: str) -> bytes | None:
    """What a codec made of a line; None for one that was stored as it is, such as of a script that prints the mark."""
    if not text.startswith(LINE_MARK):
        return None
    try:
        stored = b64decode(text[len(LINE_MARK) :], validate=True)
    except NotBase64:
        return None
    return stored if stored.startswith(MARK) else None


class EncodedJournal:
    """See the module. It has no list of the journal's methods: values are found by their types, in what is given to
    any method and in what comes back."""

    def __init__(self, journal: Journal, codec: PayloadCodec | None) -> None:
        self.stored = journal
        self.codec = codec
        self._encoding = Encoding(codec)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.stored, name)
        if not callable(method):
            return method
        encoded, decoded = self._encoding.encoded, self._encoding.decoded

        def passed(*positional: Any, **named: Any) -> Any:
            options = {key: encoded(each) for key, each in named.items()}
            return decoded(method(*map(encoded, positional), **options))

        self.__dict__[name] = passed  # the next look-up finds it without coming here
        return passed

    def post(self, message: NewMessage) -> bool:
        """As the store's. It compares encoded messages, and those of a codec that uses chance differ every time, so
        here a duplicate is recognised by what it says."""
        try:
            return self.stored.post(self._encoding.encoded(message))
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


def _hidden(_: str) -> str:
    return ""


@attrs.frozen
class Changes:
    """What becomes of payloads, of the lines of the log, and of previews of arguments."""

    payload: Callable[[bytes], bytes]
    line: Callable[[str], str]
    preview: Callable[[str], str] = str


def _changed(value: Any, changes: Changes) -> Any:
    """The value with the payloads in it changed."""
    change = changes.payload

    def again(each: Any) -> Any:
        return _changed(each, changes)

    match value:
        case Record():
            return attrs.evolve(value, event=again(value.event))
        case LogWritten():
            return attrs.evolve(value, text=changes.line(value.text))
        case FlowStarted():
            return attrs.evolve(value, preview=changes.preview(value.preview))
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

"""What travels between the pages and the index process: questions and answers as MessagePack, each after its length.

A frame is four bytes (big-endian length) and that many bytes. Both ends refuse a frame over their limit unread.
"""

import socket
import struct
from typing import Any

import msgspec

MAX_QUESTION = 1024 * 1024
MAX_ANSWER = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """The other end hung up in the middle of a frame, or sent one that is too long."""


class _Question(msgspec.Struct, kw_only=True, tag_field="op", forbid_unknown_fields=True):
    """Who asks (id of the principal), and what for."""

    actor: str
    purpose: str


class CountPeople(_Question, tag="count"):
    """How many match; with a topic and a brand also how many of them can't be reached, by reason."""

    tree: dict[str, Any]
    topic_id: int | None = None
    brand_id: int | None = None


class ListMembers(_Question, tag="members"):
    """The ids of those who match, ascending; with a limit the first ones above `after`.

    With a topic, a brand and a reason those alone who stand so to them, as CountPeople tells them apart.
    """

    tree: dict[str, Any]
    after: int = 0
    limit: int | None = None
    topic_id: int | None = None
    brand_id: int | None = None
    reason: str = ""


class FindPeople(_Question, tag="search"):
    """One page of the people, of one list or of all, whose name and address contain every word."""

    text: str
    page: int
    per_page: int
    list_id: int | None = None


class ListValues(_Question, tag="values"):
    """The values that some fields have, the most frequent first, with how many people have each."""

    fields: list[str]


class TellState(_Question, tag="state"):
    """How many contacts the process holds."""


Question = CountPeople | ListMembers | FindPeople | ListValues | TellState


class Answer(msgspec.Struct, kw_only=True):
    """What came of a question. `age` is how many seconds ago the process last heard from the database.

    `refused` names why there is no result: "loading" (not everything read yet), "rules" (a tree it can't ask), "unreadable".
    """

    age: float
    refused: str = ""
    result: Any = None


_encoder = msgspec.msgpack.Encoder()
_questions: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def encode(message: Question | Answer) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode_question(body: bytes) -> Question:
    """A question, checked. Raises msgspec.ValidationError or DecodeError (a ValueError both)."""
    return _questions.decode(body)


def decode_answer(body: bytes) -> Answer:
    """An answer, checked. Raises msgspec.ValidationError or DecodeError (a ValueError both)."""
    return _answers.decode(body)


def receive(connection: socket.socket, limit: int) -> bytes | None:
    """The next frame's body; None where the other end has hung up between frames. Raises FrameError and OSError."""
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > limit:
        raise FrameError("a frame is too long")
    body = _exactly(connection, length)
    if body is None:
        raise FrameError("a frame was cut")
    return body


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    read = bytearray()
    while len(read) < length:
        piece = connection.recv(min(length - len(read), 1 << 20))
        if not piece:
            if read:
                raise FrameError("a frame was cut")
            return None
        read += piece
    return bytes(read)

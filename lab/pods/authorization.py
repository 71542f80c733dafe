"""ext_authz as Envoy speaks it: who asks, and what the answer adds to the request.

Read and written by hand, since Envoy's own definitions come in no package that is kept up to date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USER_HEADER = "x-user-id"
LENGTH_DELIMITED, VARINT, FIXED_64, FIXED_32 = 2, 0, 1, 5
FIXED_BYTES = {FIXED_64: 8, FIXED_32: 4}


def allowed(version: str, user: str = "") -> bytes:
    """An `envoy.service.auth.v3.CheckResponse` that allows.

    It adds `x-authorized-by` to the request, and who the user is where that is known:
    CheckResponse{status: 1, ok_response: 3}, OkHttpResponse{headers: 2}, HeaderValueOption{header: 1},
    HeaderValue{key: 1, value: 2}.
    """
    headers = {"x-authorized-by": version} | ({USER_HEADER: user} if user else {})
    added = b"".join(
        _part(2, _part(1, _part(1, name.encode()) + _part(2, value.encode())))
        for name, value in headers.items()
    )
    return _part(1, b"") + _part(3, added)


def user_of(check: bytes) -> str:
    """Who asks: the last word of the header `authorization`; empty without one.

    CheckRequest{attributes: 1}, AttributeContext{request: 4}, Request{http: 2}, HttpRequest{headers: 3}, of which
    each entry has a key, 1, and a value, 2.
    """
    places = [check]
    for number in (1, 4, 2, 3):
        places = [body for place in places for found, body in _fields(place) if found == number]
    headers = {
        pair.get(1, b"").decode(): pair.get(2, b"").decode() for pair in map(dict, map(_fields, places))
    }
    return headers.get("authorization", "").rpartition(" ")[2]


def _part(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | LENGTH_DELIMITED]) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    written = b""
    while number > 127:  # noqa: PLR2004  # seven bits a byte
        written += bytes([number & 127 | 128])
        number >>= 7
    return written + bytes([number])


def _fields(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that hold bytes; others are skipped."""
    place = 0
    while place < len(body):
        tag, place = _number(body, place)
        kind = tag & 7
        if kind == LENGTH_DELIMITED:
            length, place = _number(body, place)
            yield tag >> 3, body[place : place + length]
            place += length
        elif kind == VARINT:
            _, place = _number(body, place)
        else:
            place += FIXED_BYTES[kind]


def _number(body: bytes, place: int) -> tuple[int, int]:
    """A varint, and the place behind it."""
    found = shift = 0
    while True:
        byte = body[place]
        found |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:  # noqa: PLR2004
            return found, place

"""Users who come again: browsers that keep cookies, or callers with an id of their own."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import cycle
from typing import TYPE_CHECKING, Any

from lab.traffic.load import request

if TYPE_CHECKING:
    import aiohttp

    from lab.traffic.load import Target
    from lab.traffic.tally import Answer


@dataclass
class User:
    """One of them.

    Attributes:
        identity: An id of random hex digits.
        cookies: What she was given, by name.
        answers: How many answers she got from each version.
        met: When she met another version than before, and which; times in seconds since the epoch.
        turn: She sends one request at a time, or the cookie of one answer would overwrite that of another.
    """

    identity: str
    cookies: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    met: list[tuple[float, str]] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def headers(self, identified_by: str) -> dict[str, str]:
        """What she sends."""
        own = {identified_by: self.identity} if identified_by else {}
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return own | ({"cookie": kept} if kept else {})

    def sees(self, answer: Answer) -> None:
        """Remembers an answer and keeps its cookies."""
        for line in answer.cookies:
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
        if answer.version:
            self.answers[answer.version] += 1
            if not self.met or self.met[-1][1] != answer.version:
                self.met.append((answer.at, answer.version))


class Users:
    """A number of them, who send one request after the other, by turns."""

    def __init__(self, count: int, identified_by: str = "") -> None:
        """Nobody has sent anything yet.

        Args:
            count: How many.
            identified_by: The header in which each sends her id; empty: none.
        """
        self._all = [User(uuid.uuid4().hex) for _ in range(count)]
        self._turns, self._identified_by = cycle(self._all), identified_by

    async def ask(self, session: aiohttp.ClientSession, target: Target) -> Answer:
        """Sends the next user's request."""
        user = next(self._turns)
        async with user.turn:
            answer = await request(session, target, user.headers(self._identified_by).items())
            user.sees(answer)
        return answer

    def as_json(self) -> list[dict[str, Any]]:
        """What each met, for scripts."""
        return [
            {"id": one.identity, "answers": dict(one.answers), "met": one.met, "cookies": one.cookies}
            for one in self._all
        ]

    def told(self) -> str:
        """What they met, in a line."""
        met = [set(one.answers) for one in self._all]
        only = {version: sum(one == {version} for one in met) for version in ("v1", "v2")}
        both = sum(len(one) > 1 for one in met)
        return f"users: {only['v1']} met stable alone, {only['v2']} the canary alone, {both} both"

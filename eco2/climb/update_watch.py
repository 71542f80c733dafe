"""The canaries are watched while an update of the climb runs, too."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AGAIN_SECONDS: Final = 1.0
"""How often routes are taken off a sick canary until the update has ended, which may set its own."""

END_SECONDS: Final = 60.0
"""How long the end of an update waits for a look or a stroke that is under way. An API server that answers byte by byte
must not hold up the climb, whose own looks go on."""


class UpdateWatch:
    """Looks beside an update, and does the first stroke at once where a canary is sick; the rest follows after it.

    Attributes:
        sick: What is wrong, by service; empty while nothing is.
    """

    def __init__(
        self,
        look: Callable[[], None],
        found: Callable[[], Mapping[str, str]],
        strike: Callable[[], Mapping[str, str]],
        waits: Callable[[str], None],
        seconds: float,
    ) -> None:
        """Prepares; the context begins to look.

        Args:
            look: Looks once.
            found: What is wrong by that, by service.
            strike: The first stroke; why it failed, by service.
            waits: Tells what is waited for.
            seconds: From one look to the next.
        """
        self._look, self._found, self._strike, self._waits = look, found, strike, waits
        self._seconds = seconds
        self._ended, self._given_up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sick: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(END_SECONDS)  # it is nobody's but this one's turn to look and to strike
        if self._thread.is_alive():
            self._given_up.set()
            self._waits(
                f"a look during the update has not ended for {END_SECONDS:.0f} s; nobody waits for it"
            )

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._once()
            except Exception as error:  # noqa: BLE001  # the update goes on, and the next look is another chance
                self._told(f"a look during the update failed: {type(error).__name__}: {error}")

    def _once(self) -> None:
        if not self.sick:
            self._look()
            if self._given_up.is_set():
                return  # it is the climb's own turn by now
            self.sick = self._found()
        if self.sick:
            self._seconds = AGAIN_SECONDS
            failures = self._strike() or self.sick
            told = "; ".join(f"{name}: {why}" for name, why in failures.items())
            self._told(f"sick during the update, so routes lead to stable until it has ended: {told}")

    def _told(self, text: str) -> None:
        if not self._given_up.is_set():
            self._waits(text)

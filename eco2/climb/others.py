"""Whether somebody else moves what a climb moves: a person who aborts, advances or edits wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.climb.site import MovedError, NotNowError
from rollout.climb.standing import moved_in_file, moved_in_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.climb.site import Site, StateRead
    from rollout.climb.standing import Left, Standing

STATE_SECONDS = 30.0
"""How often the state is read; its backend takes a second or more."""


class Others:
    """Looks at the file and the routes each time, and at the state from time to time."""

    def __init__(self, site: Site) -> None:
        """Looks at nothing yet.

        Args:
            site: Where to look.
        """
        self._site = site
        self._hands: dict[str, str] = {}
        self._reading: StateRead | None = None
        self._unread: set[str] = set()
        self._read_at = site.now()

    def known(self, hands: Mapping[str, str]) -> None:
        """Takes down whose hands are on the routes before anything is moved."""
        self._hands = dict(hands)

    def moved_by_us(self, services: Mapping[str, object]) -> None:
        """An update of ours has ended: it took routes of these back, and what was read before is old."""
        self._hands = {name: told for name, told in self._hands.items() if name not in services}
        self._read_at, self._reading = self._site.now(), self._site.state()
        self._unread |= set(services)

    def look(self, stands: Mapping[str, Standing], *, accept: bool) -> dict[str, Left]:
        """Looks once.

        Args:
            stands: The services as the climb left them.
            accept: Whether somebody else's update may do what the file asked for already.

        Returns:
            What the last update left of services that an update of somebody else brought where the file had
            them already.

        Raises:
            MovedError: If somebody moved one.
            NotNowError: If that is not known.
        """
        _refuse(moved_in_file(stands, self._site.asked()))
        found = self._state(stands, accept=accept)
        routes = self._site.routes()
        # Beside a state from before a promotion, its routes look as those of an abort.
        settled = stands.keys() - self._unread
        _refuse({name: told for name, told in routes.taken_off.items() if name in settled})
        hands = {name: told for name, told in routes.hands.items() if name in stands}
        _refuse({name: told for name, told in hands.items() if self._hands.get(name) != told})
        return found

    def compare(self, stands: Mapping[str, Standing], found: Mapping[str, Standing]) -> None:
        """Compares where services stand with where the climb left them.

        Raises:
            MovedError: If somebody moved one.
        """
        _refuse(moved_in_file(stands, {name: one.asked for name, one in found.items()}))
        self._refuse_update(moved_in_state(stands, {name: one.left for name, one in found.items()}))

    def _state(self, stands: Mapping[str, Standing], *, accept: bool) -> dict[str, Left]:
        if self._reading is None and self._site.now() - self._read_at >= STATE_SECONDS:
            self._reading, self._read_at = self._site.state(), self._site.now()
        if self._reading is None or not self._reading.done:
            return {}
        reading, self._reading = self._reading, None
        found = reading.result()
        self._unread.clear()
        self._refuse_update(moved_in_state(stands, found, accept=accept))
        return {name: found[name] for name, one in stands.items() if found.get(name, one.left) != one.left}

    def _refuse_update(self, moved: Mapping[str, str]) -> None:
        if moved:
            try:
                who = self._site.who()
            except NotNowError:
                who = ""
            _refuse({name: f"{told}{f' ({who})' if who else ''}" for name, told in moved.items()})


def _refuse(moved: Mapping[str, str]) -> None:
    if moved:
        raise MovedError("; ".join(f"{name}: {told}" for name, told in moved.items()))

"""A reader of the judge that a test asks look by look, and the first looks that count nothing yet."""

from __future__ import annotations

from eco2.judge.asking import Asker
from eco2.judge.requests import RequestReader
from rollout.judge.observations import Batch, Counts
from rollout.judge.scrapes import NotYet
from rollout.spec.files import read_catalog
from tests.conftest import ROOT

SERVICES = read_catalog(ROOT / "services.yaml").services
NONE = Batch(Counts(0, 0), Counts(0, 0))
AWAITED = NotYet("two scrapes since the beginning are awaited")


def reading(server, weight=20, name="auth-api", **changed):
    """A reader of one service; each call is a look."""
    service = SERVICES[name].model_copy(update=changed)

    def look(now_at=None):
        return look.reader.look({name: weight if now_at is None else now_at})[name]

    def begin_phase():
        look.reader = look.reader.at_next_phase()

    look.reader, look.begin_phase = RequestReader(Asker(server.url), {name: service}), begin_phase
    return look


def begun(mesh, look):
    """The first look, and the first scrape that counts."""
    mesh.count("v1", 1000)
    mesh.count("v2", 100)
    mesh.take("v1", 20, 0)
    mesh.wait(15)
    mesh.take("v1", 20, 950)
    mesh.take("v1", 80, 50)
    mesh.take("v2", 20, 100)
    mesh.wait(15)
    assert look().failed == AWAITED
    mesh.wait(15)
    assert look().failed == AWAITED

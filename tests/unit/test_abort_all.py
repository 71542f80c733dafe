"""`--all` means all: also what the checkout, the first look at the state, or both do not know."""

from __future__ import annotations

import pytest

from eco2.abort import finish
from eco2.abort import reconcile as second_stroke
from eco2.abort.errors import ReconcileError, RoutesError
from eco2.abort.files import places_of
from rollout.plan.prior import merged
from tests.aborting import COMPONENT, in_state, struck, without_cli
from tests.aborting import state_of as base_state
from tests.api_server import ROUTES, ApiServer
from tests.unit.priors import entry

pytestmark = pytest.mark.whole
LISTS = {
    "VirtualService": "/apis/networking.istio.io/v1/virtualservices",
    "Service": "/api/v1/services",
    "Deployment": "/apis/apps/v1/deployments",
}
DEPLOYMENT = "/apis/apps/v1/namespaces/{}/deployments/{}"


class Cluster(ApiServer):
    """auth-api and chat-api at 20 %, with lists of the whole cluster."""

    def lay_out(self):
        for namespace, name in (("auth", "auth-api"), ("chat", "chat-api")):
            self.routes(namespace, name, 20)
            for one in (name, f"{name}-mesh"):
                labels = {"app": name, "app.kubernetes.io/component": "api"}
                self.objects[ROUTES.format(namespace, one)]["metadata"]["labels"] = labels
        routes = [one for path, one in self.objects.items() if "virtualservices" in path]
        self.objects |= {key: {"items": []} for key in LISTS.values()}
        self.objects[LISTS["VirtualService"]] = {"items": routes}


@pytest.fixture
def server(tmp_path, desk, monkeypatch):
    without_cli(desk, monkeypatch)
    monkeypatch.setattr(finish, "what_waits", lambda *_: "")
    monkeypatch.setattr(second_stroke, "restore_stable", lambda *_: frozenset())
    with Cluster(tmp_path / "kubeconfig", "eco2-dev") as running:
        running.lay_out()
        yield running


def rewrite(desk, before, after):
    file = desk.folder / "services.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


SPOILT = {
    "renamed": ("\n  chat-api:\n", "\n  talk-api:\n"),
    "nothing": ("\n  chat-api:\n    kind: api\n", "\n  chat-api:\n\n  talk-api:\n    kind: api\n"),
    "a word": ("\n  chat-api:\n    kind: api\n", "\n  chat-api: later\n\n  talk-api:\n    kind: api\n"),
    "a tab": ("\n  chat-api:\n", "\n\tchat-api:\n"),
    "two tabs": ("\n  chat-api:\n", "\n\t\tchat-api:\n"),
    "a comment": ("\n  chat-api:\n", "\n  # chat-api:\n  talk-api:\n"),
    "first with a tab": ("\n  auth-api:\n", "\n\tauth-api:\n"),
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_every_canary_of_the_cluster_goes_back_whatever_the_checkout_says(desk, server, spoilt):
    rewrite(desk, *spoilt)
    struck(desk, reconcile=False)
    assert server.subsets("chat", "chat-api") == {"stable"}
    assert server.subsets("auth", "auth-api") == {"stable"}


def test_a_file_that_ends_in_the_middle_hides_no_canary(desk, server):
    file = desk.folder / "services.yaml"
    file.write_text(file.read_text().partition("\n  chat-api:\n")[0] + "\n")
    said, _ = struck(desk, reconcile=False)
    assert server.subsets("chat", "chat-api") == {"stable"}
    assert [line for line in said if "chat-api: this checkout's services.yaml does not know it" in line]


def test_a_namespace_at_a_time_where_the_whole_cluster_may_not_be_listed(desk, server):
    rewrite(desk, *SPOILT["renamed"])
    server.unreadable |= set(LISTS.values())
    for kind, path in LISTS.items():
        for namespace in ("auth", "character", "chat", "image", "location", "my", "scan", "sse-consumer"):
            here = path.replace("/v1/", f"/v1/namespaces/{namespace}/")
            routes = server.objects[path]["items"] if kind == "VirtualService" else []
            server.objects[here] = {
                "items": [one for one in routes if one["metadata"]["namespace"] == namespace]
            }
    struck(desk, reconcile=False)
    assert server.subsets("chat", "chat-api") == {"stable"}


def test_what_may_not_be_listed_is_called_not_known(desk, server):
    server.unreadable |= set(LISTS.values())
    said, _ = struck(desk, reconcile=False)
    assert "whether the cluster has canaries that services.yaml does not know is not known" in "\n".join(said)
    rewrite(desk, *SPOILT["a tab"])  # with a file that is broken, too, that is no success
    _, error = struck(desk, reconcile=False)
    assert isinstance(error, RoutesError)
    assert "whether the cluster has canaries" in str(error)


def test_canaries_of_others_are_left_alone(desk, server):
    server.routes("shop", "basket", 20)
    assert server.subsets("shop", "basket") == {"stable", "canary"}
    struck(desk, reconcile=False)  # the list by label has them not
    assert server.subsets("shop", "basket") == {"stable", "canary"}


def state_of(**phases):
    """The same with a Service of each, which tells its namespace."""
    found = base_state(**{name: entry(phase, 20, "a:1", "a:2") for name, phase in phases.items()})
    for name in (key.replace("_", "-") for key in phases):
        urn = f"urn:pulumi:dev::eco2::{COMPONENT}::{name}"
        inputs = {"metadata": {"name": name, "namespace": name.removesuffix("-api")}}
        found.append(
            {
                "type": "kubernetes:core/v1:Service",
                "urn": f"{urn}$s::{name}",
                "parent": urn,
                "inputs": inputs,
            }
        )
    return found


@pytest.mark.parametrize("listed", [True, False])
def test_a_service_that_the_checkout_does_not_know_is_no_success(desk, server, monkeypatch, listed):
    rewrite(desk, *SPOILT["renamed"])
    if not listed:
        server.unreadable |= set(LISTS.values())
    in_state(monkeypatch, lambda *_: state_of(chat_api=3))
    monkeypatch.setattr(finish, "never_brought_up", lambda _, name, __: name not in ("auth-api", "chat-api"))
    monkeypatch.setattr(second_stroke, "never_brought_up", lambda _, name, __: name != "auth-api")
    monkeypatch.setattr(second_stroke, "write_what_can_be", lambda *_: (set(), None))
    _, error = struck(desk)
    assert server.subsets("chat", "chat-api") == {"stable"}
    assert isinstance(error, ReconcileError)
    assert "chat-api: this checkout's services.yaml does not know it" in str(error)


def test_an_update_that_ends_between_two_looks_is_taken_back_too(desk, server, monkeypatch):
    """chat-api's canary comes while auth-api's goes."""
    updates = []

    def resources(*_):
        phases = [(3, 0), (0, 3), (0, 0)][len(updates)]
        return state_of(auth_api=phases[0], chat_api=phases[1])

    def update(*told, **_):
        updates.append(" ".join(map(str, told)))
        canary = DEPLOYMENT.format("chat", "chat-api-canary")
        if len(updates) == 1:
            server.routes("chat", "chat-api", 20)
            server.objects[canary] = {"metadata": {}}
        else:
            del server.objects[canary]

    in_state(monkeypatch, resources)
    monkeypatch.setattr(second_stroke, "update", update)
    _, error = struck(desk, "auth-api", "chat-api")
    assert error is None
    assert ["chat-api" in one for one in updates] == [False, True]
    assert server.subsets("chat", "chat-api") == {"stable"}


def test_a_canary_that_no_state_knows_is_no_success_beside_one_that_it_knows(desk, server, monkeypatch):
    updates = []
    server.objects[DEPLOYMENT.format("chat", "chat-api-canary")] = {"metadata": {}}
    in_state(monkeypatch, lambda *_: state_of(auth_api=0 if updates else 3, chat_api=0))
    monkeypatch.setattr(second_stroke, "update", lambda *told, **_: updates.append(told))
    _, error = struck(desk, "auth-api", "chat-api")
    assert len(updates) == 1
    assert "Deployment chat/chat-api-canary runs in the cluster" in str(error)


def test_an_update_of_some_services_forgets_nothing_of_those_that_the_checkout_does_not_know():
    last = {"auth-api": {"phase": 3}, "chat-api": {"phase": 0}}
    planned = {"chat-api": {"phase": 1}}
    assert merged(planned, last, ["chat-api"], whole=False) == {"auth-api": {"phase": 3}, **planned}
    assert merged(planned, last, ["chat-api"]) == planned


def test_a_service_that_is_named_and_unknown_is_told_how_to_take_it_back_all_the_same(desk, server):
    _, error = struck(desk, "chat-api", "old-api", reconcile=False)
    assert "--namespace NAMESPACE" in str(error)


def test_keys_of_a_service_are_no_services(desk):
    rewrite(desk, *SPOILT["first with a tab"])
    assert len(places_of(desk.folder / "services.yaml", ())) == 13

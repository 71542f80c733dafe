"""A step up looks at the canary's pods, whatever the update changes of them."""

from __future__ import annotations

import pytest

from rollout.guards.readiness import Target, lack
from rollout.spec.image import Image
from tests.api_server import ROUTES, ApiServer
from tests.desk import IMAGE
from tests.unit.kubernetes_objects import deployment, pod, replica_set

CANARY = f"{IMAGE}auth-api-dev-canary"
UNREADY = {"type": "Ready", "status": "False"}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        yield running


def canary(**more):
    return deployment("auth-api-canary", **{"image": CANARY, **more})


def sets(ready=1, wanted=1, revision="1"):
    return replica_set(f"c-{revision}", "auth-api-canary", revision, ready, wanted)


@pytest.fixture
def advance(desk):
    """`eco2 advance auth-api` from 5 % on; the file is as it was, and nothing was updated."""

    def run(*arguments):
        before = desk.says(auth_api="{phase: 2}")
        desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
        done = desk.run("advance", "auth-api", "--yes", *arguments)
        if done.exit_code:
            assert desk.file.read_text() == before
            assert desk.updates == []
        return done

    return run


@pytest.mark.parametrize(
    ("lists", "told"),
    [
        (([], []), "Deployment auth-api-canary is not there"),
        (([deployment("auth-api")], []), "Deployment auth-api-canary is not there"),
        (([canary(ready=0)], [sets(ready=0)]), "0 of 1 pods are ready"),
        (([canary(ready=1, wanted=2)], [sets(1, 2)]), "1 of 2 pods are ready"),
        (([canary(ready=0, wanted=0)], []), "Deployment auth-api-canary is scaled to 0"),
        (
            ([canary(image=f"{IMAGE}other")], [sets()]),
            f"Deployment auth-api-canary runs {IMAGE}other, and not {CANARY}",
        ),
        # The pods of an older generation are ready, and those of the newest are not.
        (
            ([canary(ready=1, pods=2, updated=1)], [sets(1, 1, "9"), sets(0, 1, "10")]),
            "0 of 1 pods are ready",
        ),
        (
            ([canary(ready=0)], [sets(ready=0)], [pod("p-1", "c-1", [UNREADY])]),
            "0 of 1 pods are ready (p-1 not ready)",
        ),
    ],
)
def test_a_canary_that_is_not_fit_gets_no_more(advance, cluster, lists, told):
    cluster.lists("auth", *lists)
    refused = advance()
    assert refused.exit_code == 1
    words = " ".join(refused.stderr.split())
    assert f"auth-api must not get more traffic: {told}" in words
    assert "`eco2 abort auth-api --stack dev" in words
    assert "nothing was changed" in words


def test_a_canary_that_is_ready_gets_more(advance, cluster, desk):
    cluster.lists("auth", [deployment("auth-api", ready=0), canary(ready=2, wanted=2)], [sets(2, 2)])
    assert advance().exit_code == 0
    assert len(desk.updates) == 1


def test_a_hand_on_its_routes_is_told_before_the_step_takes_it_back(advance, cluster):
    cluster.lists("auth", [canary()], [sets()])
    cluster.routes("auth", "auth-api", 50)
    fields = [{"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:http": {}}}}]
    cluster.objects[ROUTES.format("auth", "auth-api")]["metadata"]["managedFields"] = fields
    done = advance()
    assert done.exit_code == 0
    words = " ".join(done.stdout.split())
    assert "note: auth-api: changed by hand: VirtualService auth/auth-api by kubectl-edit" in words
    assert "this update takes it back" in words


def test_what_is_not_known_is_not_ready(advance, cluster):
    refused = advance()
    assert refused.exit_code == 1
    assert "whether the canary of auth-api is ready is not known" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("arguments", [("--to", "0"), ("--to", "1"), ("--no-up",)])
def test_a_way_back_and_a_file_alone_need_no_cluster(advance, arguments):
    assert advance(*arguments).exit_code == 0


def test_a_first_canary_is_awaited_by_its_update(desk):
    assert desk.run("advance", "auth-api", "--yes").exit_code == 0


def target(pods=1, *, autoscaled=False):
    return Target("auth-api", "auth", "auth-api-canary", Image.read(CANARY), pods, autoscaled)


@pytest.mark.parametrize(
    ("ready", "wanted", "pods", "autoscaled", "told"),
    [
        (1, 1, 3, False, "1 of 3 pods are ready"),  # a hand made it smaller than planned
        (1, 2, 1, False, ""),  # an update that was killed had begun to make it larger
        (1, 1, 3, True, ""),  # its autoscaler made it smaller
        (2, 5, 3, True, "2 of 3 pods are ready"),
        (3, 5, 3, True, ""),
    ],
)
def test_how_many_pods_must_be_ready(ready, wanted, pods, autoscaled, told):
    assert lack(target(pods, autoscaled=autoscaled), canary(ready=ready, wanted=wanted)) == told


def test_a_command_asks_for_every_pod():
    assert lack(target(1), canary(ready=1, wanted=2), every=True) == "1 of 2 pods are ready"


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ({"generation": 3}, "is not known yet"),
        ({"deletionTimestamp": "2026-01-01T10:00:00Z"}, "is being deleted"),
    ],
)
def test_a_deployment_in_between_is_not_fit(meta, told):
    live = canary()
    live["metadata"] |= meta
    assert told in lack(target(), live)

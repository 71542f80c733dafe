"""What a status says of lists of objects, and where it says that things disagree."""

from __future__ import annotations

import io
import re
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from eco2.background import Later
from eco2.prometheus import Requests
from eco2.status.events import warnings
from eco2.status.live import Objects, read_live
from eco2.status.pods import read_pod
from eco2.status.snapshot import Snapshot, Status, Step, read_applied
from eco2.status.table import table
from eco2.status.tree import tree
from eco2.status.watch import Feed, Seen, picture
from eco2.status.words import ago, measured, remedies
from kube.errors import ClusterError
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.traffic.subsets import destination_rule_spec
from rollout.traffic.write import Routed
from tests.conftest import ROOT
from tests.unit.kubernetes_objects import NOW, deployment, event, pod, replica_set, virtual_service
from tests.unit.priors import entry

AT = datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
REPOSITORY = "docker.io/mng990/eco2"
SCHEDULER = "0/10 nodes are available: 1 Insufficient cpu, 9 node(s) had untolerated taint(s)."


@pytest.fixture(scope="module")
def catalog():
    return read_catalog(ROOT / "services.yaml")


def objects(weight=20, mesh=None, header=True, canary_ready=1, **more):
    canary = deployment("auth-api-canary", ready=canary_ready, image=f"{REPOSITORY}:canary")
    mesh = weight if mesh is None else mesh
    return Objects(
        deployments=more.get("deployments", [deployment("auth-api", image=f"{REPOSITORY}:a"), canary]),
        virtual_services=[
            virtual_service("auth-api", weight, header=header),
            virtual_service("auth-api-mesh", mesh, header=header),
        ],
        replica_sets=more.get("replica_sets", ()),
        pods=more.get("pods", ()),
    )


def step(phase=3, name="20%", weight=20, stable=f"{REPOSITORY}:a", canary=f"{REPOSITORY}:canary"):
    return Step(phase, name, weight, weight, Image.read(stable), Image.read(canary) if canary else None)


def status(catalog, seen, wanted=None, applied=None, **more):
    live = read_live("auth-api", catalog.services["auth-api"], seen)
    return Status("auth-api", "api", "auth", wanted or step(), applied or step(), live, **more)


def words(line):
    return tuple(map(str, line.differences))


def shown(renderable, width=100, color=False):
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None).print(
        renderable, highlight=False
    )
    return out.getvalue()


def snapshot(*services, notes=()):
    return Snapshot("dev", "eco2-dev", AT, services, tuple(notes), "x-try: it")


@pytest.mark.parametrize("weight", [0, 5, 20, 100])
def test_the_weight_in_the_cluster_is_that_of_the_rules_for_everybody(catalog, weight):
    live = read_live("auth-api", catalog.services["auth-api"], objects(weight))
    assert live.routing.weights == (weight,)
    assert live.routing.header
    assert live.share == weight


def test_all_agree_then_nothing_is_said(catalog):
    line = status(catalog, objects())
    assert line.differences == ()
    assert line.alarms == ()


def test_routes_changed_by_hand_are_shown_with_the_way_back(catalog):
    text = shown(table(snapshot(status(catalog, objects(weight=50)))))
    assert "cluster: routes send 50 % to the canary; applied: 20 %" in text
    assert "pulumi up --refresh --run-program --stack dev" in text
    assert "eco2 abort" not in text


def test_a_first_stroke_without_its_second_is_finished_and_never_undone(catalog):
    half = status(catalog, objects(weight=0, header=False))
    text = shown(table(snapshot(half)), width=160)
    assert "cluster: routes send 0 % to the canary; applied: 20 %" in text
    assert "cluster: no route for the header" in text
    assert "an update may set them back; finish the abort first" in text
    assert remedies(half, snapshot()) == ["eco2 abort auth-api --stack dev"]


@pytest.mark.parametrize(
    ("seen", "wanted", "half"),
    [
        (objects(weight=20, header=False), step(), True),
        (objects(weight=20, mesh=0), step(), True),
        (objects(weight=0, header=False), step(1, "header", 0), True),
        (objects(weight=0, header=False), step(4, "50%", 50), True),
        (objects(weight=50, mesh=0), step(), False),  # a hand, and not an abort
        (objects(weight=5), step(2, "5%", 5), False),  # a step down whose update did not end
        (objects(weight=0, header=False), step(0, "off", 0, canary=None), False),
    ],
)
def test_routes_below_config_and_last_update_are_those_of_an_abort(seen, wanted, half, catalog):
    line = status(catalog, seen, wanted=wanted)
    assert line.half_taken_back == half
    assert ("eco2 abort auth-api --stack dev" in remedies(line, snapshot())) == half
    assert any("--refresh" in one for one in remedies(line, snapshot())) != half


@pytest.mark.parametrize(("weight", "header"), [(5, True), (0, False), (20, False)])
def test_a_hand_that_lowers_a_canary_is_no_unfinished_abort(catalog, weight, header):
    seen = objects(weight=weight, header=header)
    fields = {"f:spec": {"f:http": {}}}
    seen.virtual_services[1]["metadata"]["managedFields"] = [
        {"manager": "eco2", "fieldsV1": {"f:spec": {"f:hosts": {}}}},
        {"manager": "kubectl-edit", "fieldsV1": fields},
    ]
    line = status(catalog, seen)
    assert not line.half_taken_back
    assert (
        str(line.differences[-1]) == "cluster: changed by hand: VirtualService auth-api-mesh by kubectl-edit"
    )
    assert remedies(line, snapshot()) == ["pulumi up --refresh --run-program --stack dev"]


def test_aborts_are_told_before_updates_which_are_about_all_services(catalog):
    drifted = replace(status(catalog, objects(weight=50)), service="my-api")
    half = status(catalog, objects(weight=0, header=False))
    text = shown(table(snapshot(drifted, half)), width=160)
    assert text.index("→ eco2 abort auth-api") < text.index("→ pulumi up --refresh")


def test_rules_that_disagree_are_told_apart(catalog):
    line = status(catalog, objects(weight=20, mesh=5))
    assert line.live.share is None
    assert "routes send 5 %, 20 % to the canary" in str(line.differences[0])
    assert "mixed" in shown(table(snapshot(line)))


def test_a_config_that_nobody_has_applied_is_shown(catalog):
    line = status(catalog, objects(), wanted=step(4, "50%", 50))
    assert words(line) == ("config: phase is 4 50%; applied: 3 20%",)
    text = shown(table(snapshot(line)))
    assert "3 20% → 4 50%" in text
    assert "pulumi up --stack dev" in text


def test_images_are_compared_all_three_ways(catalog):
    line = status(
        catalog,
        objects(),
        wanted=step(canary=f"{REPOSITORY}:newer"),
        applied=step(stable=f"{REPOSITORY}:b"),
    )
    assert words(line) == (
        f"config: stable's image is {REPOSITORY}:a; applied: {REPOSITORY}:b",
        f"config: canary's image is {REPOSITORY}:newer; applied: {REPOSITORY}:canary",
        f"cluster: stable runs {REPOSITORY}:a; applied: {REPOSITORY}:b",
    )


def test_a_missing_canary_and_missing_routes_are_named(catalog):
    seen = Objects(deployments=[deployment("auth-api", image=f"{REPOSITORY}:a")])
    told = words(status(catalog, seen))
    assert "cluster: no VirtualService auth-api" in told
    assert "cluster: no VirtualService auth-api-mesh" in told
    assert any("no Deployment of canary" in one for one in told)


def test_a_canary_with_weight_and_without_pods_is_an_alarm_with_the_abort_as_its_remedy(catalog):
    text = shown(table(snapshot(status(catalog, objects(canary_ready=0)))))
    assert "routes send 20 % to the canary, which has no ready pod: these requests fail" in text
    assert "eco2 abort auth-api --stack dev" in text


def test_ext_authz_goes_by_its_service_and_its_pods(catalog):
    service = catalog.services["ext-authz"]
    deployments = [deployment("ext-authz", ready=4), deployment("ext-authz-canary", ready=1)]

    def live(version, weight=20):
        selector = {"app": "ext-authz"} | ({"version": version} if version else {})
        meta = {"name": "ext-authz", "namespace": "auth"}
        rule = destination_rule_spec(Routed("ext-authz", service, catalog.canary_header), weight)
        seen = Objects(
            deployments=deployments,
            services=[{"metadata": meta, "spec": {"selector": selector}}],
            destination_rules=[{"metadata": meta, "spec": rule}],
        )
        return read_live("ext-authz", service, seen)

    assert [live(version).share for version in ("v1", "v2", None)] == [0, 100, 20]
    # Both are selected at full weight, and the canary's pods come first; an abort's first stroke outweighs that.
    assert [live(version, 100).share for version in (None, "v1")] == [100, 0]
    assert [live(None, weight).routing.falls_back for weight in (20, 100)] == [False, True]
    pinned = Status("ext-authz", "grpc", "auth", None, step(stable=f"{REPOSITORY}:a"), live("v1"))
    assert "cluster: requests meet v1; applied: both versions" in words(pinned)
    assert [replace(pinned, live=live(version)).half_taken_back for version in ("v1", "v2", None)] == [
        True,
        False,
        False,
    ]


def test_workers_share_by_pods_unless_the_canary_has_queues_of_its_own(catalog):
    service = catalog.services["scan-worker"]

    def share(canary_args):
        pair = [
            deployment("scan-worker", service.namespace, ready=3, args=["-Q", "a"]),
            deployment("scan-worker-canary", service.namespace, ready=1, args=canary_args),
        ]
        return read_live("scan-worker", service, Objects(deployments=pair)).share

    assert share(["-Q", "a"]) == 25
    assert share(["-Q", "canary"]) == 0


@pytest.mark.parametrize(
    ("document", "mark", "word"),
    [
        (pod("a", conditions=[{"type": "Ready", "status": "True"}]), "good", "ready"),
        (pod("a", deletionTimestamp=NOW), "ending", "ending"),
        (
            pod(
                "a",
                phase="Pending",
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": SCHEDULER,
                    }
                ],
            ),
            "waiting",
            "unschedulable",
        ),
        (
            pod("a", containers=[{"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 7}]),
            "bad",
            "CrashLoopBackOff",
        ),
        (
            pod("a", containers=[{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]),
            "bad",
            "OOMKilled",
        ),
        (
            pod("a", phase="Pending", containers=[{"state": {"waiting": {"reason": "ContainerCreating"}}}]),
            "waiting",
            "starting",
        ),
        (pod("a", containers=[{"ready": True}, {"ready": False}]), "waiting", "not ready (1/2)"),
        (pod("a", phase="Failed"), "bad", "failed"),
    ],
)
def test_a_pod_is_told_in_a_word(document, mark, word):
    read = read_pod(document)
    assert (read.mark, read.word) == (mark, word)


def test_a_pod_that_fits_nowhere_says_so_in_the_schedulers_words(catalog):
    waiting = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": SCHEDULER}
    seen = objects(
        replica_sets=[replica_set("auth-api-canary-1", "auth-api-canary", ready=0)],
        pods=[pod("auth-api-canary-1-x", "auth-api-canary-1", [waiting], phase="Pending")],
        canary_ready=0,
    )
    found = warnings(
        [event(SCHEDULER, "auth-api-canary-1-x"), event("back-off", "auth-api-canary-1-x")],
        "auth",
        ("auth-api", "auth-api-canary"),
        AT,
    )
    text = shown(tree(snapshot(status(catalog, seen, events=found))), width=200)
    assert text.count("1 Insufficient cpu") == 1
    assert re.search(r"auth-api-canary-1-x\s+◌ unschedulable", text)
    assert "back-off" in text


def test_warnings_are_recent_own_and_said_once():
    documents = [
        event("no room", "auth-api-canary-1-a", count=3),
        event("no room", "auth-api-canary-1-b", count=2, last="2026-01-01T09:59:30Z"),
        event("too old", "auth-api-1", last="2026-01-01T09:40:00Z"),
        event("of another", "auth-apiary-1"),
        {**event("fine", "auth-api-1"), "type": "Normal"},
        event("of another namespace", "auth-api-1", involvedObject={"name": "auth-api-1", "namespace": "x"}),
        event("about nothing that has a name", "", involvedObject={"namespace": "auth"}),
        {key: value for key, value in event("about nothing", "").items() if key != "involvedObject"},
    ]
    found = warnings(documents, "auth", ("auth-api", "auth-api-canary"), AT)
    assert [(one.message, one.count, one.about) for one in found] == [("no room", 5, "auth-api-canary-1-b")]


def test_a_tree_goes_down_to_the_pods(catalog):
    seen = objects(
        replica_sets=[
            replica_set("auth-api-1", "auth-api"),
            replica_set("auth-api-0", "auth-api", ready=0, wanted=0),
            replica_set("auth-api-canary-1", "auth-api-canary"),
        ],
        pods=[
            pod(f"{name}-x", name, [{"type": "Ready", "status": "True"}], [{"restartCount": 2}])
            for name in ("auth-api-1", "auth-api-canary-1")
        ],
    )
    counted = Requests({"v1": 800, "v2": 200, "unknown": 3}, {"v2": 20})
    text = shown(tree(snapshot(status(catalog, seen, measured=counted))), width=120)
    assert "weight: config 20 %, applied 20 %, cluster 20 %, header (x-try: it) to canary" in text
    assert "measured: 20.0 % of 1000 requests in 60 s, 3 reached no pod; 10.0 % of canary's failed" in text
    assert "images: stable a, canary canary" in text
    assert "auth-api-0 " not in text  # scaled down, and nothing left of it
    lines = [line.rstrip() for line in text.splitlines()]
    assert any(re.match(r"├─ stable\s+✔ 1/1 ready\s+0s$", line) for line in lines)
    assert any(re.match(r"│  └─ auth-api-1\s+✔ 1/1 ready\s+0s\s+revision 1$", line) for line in lines)
    assert any(
        re.match(r"│     └─ auth-api-1-x\s+✔ ready\s+0s\s+2 restarts, ip-10-0-1-2$", line) for line in lines
    )
    assert any(line.startswith("└─ canary") for line in lines)


def test_a_tree_fits_80_columns(catalog):
    seen = objects(
        replica_sets=[replica_set("auth-api-canary-7d9c5b6f4d", "auth-api-canary")],
        pods=[pod("auth-api-canary-7d9c5b6f4d-x2x4z", "auth-api-canary-7d9c5b6f4d")],
    )
    text = shown(tree(snapshot(status(catalog, seen))), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "auth-api-canary-7d9c5b6f4d-x2x4z" in text


def test_a_terminal_without_utf8_gets_letters(catalog):
    seen = objects(replica_sets=[replica_set("auth-api-1", "auth-api")])
    text = shown(tree(snapshot(status(catalog, seen)), "ascii"))
    assert text.isascii(), text


def test_no_colour_where_none_is_wanted(catalog, monkeypatch):
    line = snapshot(status(catalog, objects(weight=0)))
    assert "\x1b" in shown(table(line), color=True)
    assert "\x1b" not in shown(table(line))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in shown(table(line), color=True)


def test_not_enough_requests_is_an_answer_of_its_own():
    assert measured(Requests({"v1": 11, "v2": 1})) == "not enough requests (12 requests in 60 s)"
    assert measured(None) == ""
    assert Requests({"v1": 11, "v2": 1}).canary_share() is None


def test_what_an_update_left_is_known_or_not():
    left = entry(3, 20, "a:1", "a:2")
    outputs = {"rollouts": {"auth-api": left, "my-api": {"phase": "x", "images": {}}}}
    found = read_applied(outputs, ["auth-api", "my-api", "scan-api"])
    assert (str(found["auth-api"][0]), found["auth-api"][1]) == ("3 20%", True)
    assert found["my-api"] == (None, False)
    assert found["scan-api"] == (None, True)
    assert read_applied(None, ["auth-api"]) == {"auth-api": (None, False)}


def test_ages_are_short():
    assert [
        ago(AT - datetime.fromtimestamp(AT.timestamp() - seconds, UTC)) for seconds in (5, 90, 7200, 90000)
    ] == [
        "5s",
        "1m",
        "2h",
        "1d",
    ]


class _Reader:
    """Answers with what a test puts in."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def read(self):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def until(feed, condition):
    deadline = time.monotonic() + 10
    while not condition(feed.seen):
        assert time.monotonic() < deadline
        feed.wait(0.2)
    return feed.seen


def test_a_lost_cluster_is_told_with_the_time_and_the_last_picture_stays(catalog, monkeypatch):
    monkeypatch.setattr("eco2.status.watch.SECONDS", 0.05)
    first = snapshot(status(catalog, objects()))
    again = snapshot(status(catalog, objects(weight=50)))
    reader = _Reader(first, ClusterError("the cluster of context eco2-dev does not answer: refused"))
    feed = Feed(reader)
    seen = until(feed, lambda seen: seen.lost_since)
    since = seen.lost_since
    time.sleep(0.2)
    assert feed.seen.lost_since == since
    text = shown(picture(feed.seen, "utf-8"), width=160)
    assert "does not answer: refused (since " in text
    assert "auth-api  phase 3 20%" in text
    reader.answers = [again]
    assert until(feed, lambda seen: seen.lost_since is None).snapshot == again


def test_a_server_that_keeps_a_question_waiting_is_told(catalog):
    old = snapshot(status(catalog, objects()))  # of long ago
    assert re.search(r"no answer for \d+d; waiting", shown(picture(Seen(old), "utf-8")))


def test_the_table_shows_what_is_measured_where_there_is_traffic(catalog):
    silent = snapshot(status(catalog, objects(), measured=Requests()))
    assert "measured" not in shown(table(silent))
    some = snapshot(
        status(catalog, objects(), measured=Requests({"v1": 800, "v2": 200})),
        status(catalog, objects(), measured=Requests({"v1": 12})),
    )
    assert "measured" in shown(table(some))
    assert "20.0 %" in shown(table(some))
    assert "12 requests" in shown(table(some))


def test_only_what_matters_counts_as_a_change(catalog):
    one = status(catalog, objects(), measured=Requests({"v1": 1}))
    later = status(catalog, objects(), measured=Requests({"v1": 2}))
    moved = status(catalog, objects(weight=50))
    assert Seen(snapshot(one)).signature == Seen(snapshot(later)).signature
    assert Seen(snapshot(one)).signature != Seen(snapshot(moved)).signature


def test_work_beside_ends_with_its_result_or_its_exception():
    gate = threading.Event()
    later = Later(gate.wait)
    assert not later.done
    gate.set()
    assert later.result() is True
    with pytest.raises(ZeroDivisionError):
        Later(lambda: 1 / 0).result()

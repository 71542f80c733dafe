"""What the judge reads from a Prometheus: both versions' requests since the look before."""

from __future__ import annotations

import json
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eco2.judge.asking import Asker
from eco2.judge.beside import LATE
from eco2.judge.questions import durations_before, requests_before
from eco2.judge.requests import RequestReader
from eco2.judge.series import by_proxy, failed_scrapes
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import NotYet
from rollout.judge.tally import Tally
from rollout.spec.files import read_catalog
from rollout.spec.judge_settings import CheckSettings, JudgeSettings
from rollout.spec.stickiness import Stickiness
from tests.conftest import ROOT
from tests.prometheus_server import Mesh, PrometheusServer, Series

SERVICES = read_catalog(ROOT / "services.yaml").services
NONE = Batch(Counts(0, 0), Counts(0, 0))
AWAITED = NotYet("two scrapes since the beginning are awaited")


@pytest.fixture
def server():
    with PrometheusServer() as opened:
        yield opened


@pytest.fixture
def mesh(server):
    return Mesh(server.series)


def reading(server, weight=20, name="auth-api", **changed):
    """A reader of one service; each call is a look."""
    service = SERVICES[name].model_copy(update=changed)
    reader = RequestReader(Asker(server.url), {name: service})

    def look(now_at=None):
        return reader.look({name: weight if now_at is None else now_at})[name]

    look.reader = reader
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


def test_what_came_between_two_scrapes_is_told_once(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v1", 800)
    mesh.count("v2", 190)
    mesh.count("v2", 10, "503")
    assert look().failed == AWAITED
    mesh.wait(15)
    assert look().failed == Batch(Counts(200, 10), Counts(800, 0))
    mesh.wait(2)
    assert look().failed == NONE


def test_what_was_scraped_before_the_phase_is_not_counted_to_it(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v1", 500)
    look.reader.begin_phase()
    assert look().failed == AWAITED
    mesh.wait(15)
    assert look().failed == AWAITED
    mesh.count("v2", 7)
    mesh.wait(15)
    assert look().failed == Batch(Counts(7, 0), Counts(0, 0))


def test_gateways_that_are_scraped_at_different_times_are_each_held_against_themselves(server):
    mesh = Mesh(server.series, gateway=0.0, other=7.0, third=11.0)
    look = reading(server)
    for proxy in mesh.offsets:
        mesh.count("v1", 100, proxy=proxy)
    mesh.wait(30)
    look()
    mesh.wait(30)
    look()
    found = []
    for _ in range(20):
        for proxy in mesh.offsets:
            mesh.count("v1", 9, proxy=proxy)
            mesh.count("v2", 1, "503", proxy=proxy)
        mesh.wait(5)
        found.append(look().failed)
    mesh.wait(15)
    found.append(look().failed)
    assert sum(one.canary.bad for one in found) == sum(one.canary.requests for one in found) == 60
    assert sum(one.stable.requests for one in found) == 540


def test_the_first_failures_of_a_proxy_count_though_their_series_is_new(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v1", 10)
    mesh.wait(15)
    look()
    mesh.count("v2", 3, "500", response_flags="-")
    mesh.wait(15)
    assert look().failed.canary == Counts(3, 3)


@pytest.mark.parametrize(
    ("labels", "bad"),
    [
        ({"code": "200"}, 0),
        ({"code": "404"}, 0),
        ({"code": "429"}, 0),
        ({"code": "500"}, 10),
        ({"code": "503"}, 10),
        ({"code": "0", "response_flags": "DC"}, 10),
        ({"code": "0", "response_flags": "UC"}, 10),
        ({"code": "499", "response_flags": "DC"}, 10),
        ({"code": "200", "response_flags": "DC"}, 0),
        ({"code": "200", "grpc_response_status": "14"}, 10),
        ({"code": "200", "grpc_response_status": "2"}, 10),
        ({"code": "200", "grpc_response_status": "5"}, 0),
        ({"code": "200", "grpc_response_status": "0"}, 0),
    ],
)
def test_failures_are_those_that_the_server_causes(server, mesh, labels, bad):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v2", 10, **labels)
    mesh.wait(15)
    assert look().failed.canary == Counts(10, bad)


@pytest.mark.parametrize(
    ("weight", "sticky", "canary", "stable"),
    [
        (20, None, Counts(210, 10), Counts(840, 40)),
        (0, None, Counts(200, 0), Counts(850, 50)),
        (100, None, Counts(250, 50), Counts(800, 0)),
        (50, Stickiness(cookie="version"), Counts(225, 25), Counts(825, 25)),
        (10, Stickiness(cookie="version"), Counts(210, 10), Counts(840, 40)),
        (0, Stickiness(cookie="version"), Counts(200, 0), Counts(850, 50)),
    ],
)
def test_failures_that_reached_no_pod_are_split_as_routes_split(server, mesh, weight, sticky, canary, stable):
    look = reading(server, weight, stickiness=sticky)
    begun(mesh, look)
    mesh.count("v1", 800)
    mesh.count("v2", 200)
    mesh.count("unknown", 50, "503", response_flags="UH")
    mesh.count("unknown", 30, "404", response_flags="NR")
    mesh.wait(15)
    assert look().failed == Batch(canary, stable)


@pytest.mark.parametrize(
    ("name", "weight", "more"),
    [("auth-api", 20, {"stickiness": Stickiness(cookie="version")}), ("ext-authz", 50, {})],
)
def test_where_the_share_of_a_canary_is_not_tested_nobody_says_that_it_answers_it(server, name, weight, more):
    assert reading(server, weight, name, **more)().fallen_back is None
    assert reading(server, 100, name, **more)().fallen_back is not None


def test_a_canary_whose_requests_reach_no_pod_is_told_by_its_share(server, mesh):
    look = reading(
        server, traffic_policy=SERVICES["auth-api"].traffic_policy.model_copy(update={"fallback": None})
    )
    begun(mesh, look)
    for _ in range(2):
        mesh.count("v1", 800)
        mesh.count("unknown", 200, "503", response_flags="UH")
        mesh.wait(15)
        found = look()
    assert (
        found.fallen_back
        == "has 20 % and got 0.0 % of 1,000 requests in 15 s: requests do not reach its pods"
    )


def test_slow_is_what_stable_seldom_was_before(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.take("v1", 20, 980)
    mesh.take("v1", 80, 20)
    mesh.take("v2", 20, 80)
    mesh.take("v2", 40, 20)
    mesh.wait(15)
    assert look().slow == Batch(Counts(100, 20), Counts(1000, 20))
    # Another phase keeps the line, though stable is slower now.
    look.reader.begin_phase()
    mesh.take("v1", 80, 90_000)
    mesh.wait(15)
    look()
    mesh.wait(15)
    look()
    mesh.take("v2", 40, 5)
    mesh.wait(15)
    assert look().slow.canary == Counts(5, 5)
    assert sum("sum by" in asked and "le)" in asked for asked in server.asked if "rate(" not in asked) == 1


@pytest.mark.parametrize(
    ("milliseconds", "why"),
    [
        (None, "stable has answered no request in the last hour, so which ones are slow is not known"),
        (500, "the buckets end at 100, and more of stable's requests are slower"),
    ],
)
def test_without_a_line_slow_ones_are_not_known(server, mesh, milliseconds, why):
    look = reading(server)
    mesh.count("v1", 10)
    if milliseconds:
        mesh.take("v1", milliseconds, 0)
        mesh.wait(15)
        mesh.take("v1", milliseconds, 10)
    mesh.wait(15)
    look()
    mesh.wait(15)
    assert look().slow.why == why


def test_a_line_is_drawn_as_soon_as_stable_has_answered(server, mesh):
    look = reading(server)
    assert "no request" in look().slow.why
    mesh.take("v1", 20, 0)
    mesh.wait(15)
    mesh.take("v1", 20, 10)
    mesh.wait(15)
    assert look().slow == AWAITED


def grpc(mesh, version, number, status="0", proxy=""):
    mesh.count(
        version,
        number,
        proxy=proxy or f"pod-{version}",
        reporter="destination",
        destination_service_name="ext-authz",
        grpc_response_status=status,
    )


@pytest.mark.parametrize(("offsets", "seconds"), [((1.0, 8.0), 15), ((0.0, 5.0, 10.0), 30)])
def test_pods_that_report_for_themselves_are_compared_once_their_times_fit(server, offsets, seconds):
    pods = [f"pod-{number}" for number in range(len(offsets))]
    mesh = Mesh(server.series, **dict(zip(pods, offsets, strict=True)))
    look = reading(server, 100, "ext-authz")
    found = []
    for pod in pods:
        grpc(mesh, "v2" if pod == "pod-0" else "v1", 1, proxy=pod)
    mesh.wait(30)
    for _ in range(40):
        for pod in pods[1:]:
            grpc(mesh, "v1", 40, proxy=pod)
        grpc(mesh, "v2", 9, proxy="pod-0")
        grpc(mesh, "v2", 1, "14", proxy="pod-0")
        mesh.wait(5)
        found.append(look().failed)
    told = [one for one in found if isinstance(one, Batch) and one.canary.requests]
    looks, others = seconds // 5, len(pods) - 1
    assert set(map(repr, told)) == {
        repr(Batch(Counts(10.0 * looks, 1.0 * looks), Counts(40.0 * looks * others, 0.0)))
    }
    assert len(told) >= 150 / seconds
    assert not [one for one in found if isinstance(one, Unknown) and not isinstance(one, NotYet)]
    assert all('reporter="destination"' in asked for asked in server.asked if asked.startswith("istio_"))


def test_a_pod_that_went_is_not_waited_for(server):
    mesh = Mesh(server.series, **{"pod-v1": 1.0, "pod-v2": 2.0, "gone": 3.0})
    look = reading(server, 100, "ext-authz")
    found = []
    for number in range(40):
        grpc(mesh, "v1", 10)
        grpc(mesh, "v2", 10)
        mesh.count("v1", 5, proxy="gone", reporter="destination", destination_service_name="ext-authz")
        if number == 12:
            mesh.silent.add("gone")
        mesh.wait(5)
        found.append(look().failed)
    assert not [one for one in found if isinstance(one, Unknown) and not isinstance(one, NotYet)]
    assert sum(one.canary.requests for one in found[15:]) >= 180


def test_a_proxy_that_two_jobs_scrape_counts_once(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v2", 10)
    mesh.wait(15)
    for labels, samples in list(server.series.samples.items()):
        server.series.samples[tuple(sorted({**dict(labels), "job": "twice"}.items()))] = list(samples)
    assert look().failed.canary == Counts(10, 0)


@pytest.mark.parametrize("label", ["prometheus_replica", "replica", "__replica__", "whatever"])
def test_two_replicas_of_a_prometheus_behind_one_name_count_a_proxy_once(label):
    """Each scrapes the proxy at moments of its own; what both hold comes in one answer."""
    tally, told, unknown = Tally(0.0), 0.0, []
    named = {"destination_service_name": "a", "destination_service_namespace": "n"}
    target = {"pod": "gateway", "namespace": "istio-system", "job": "mesh", "instance": "10.0.0.1:15090"}
    for now in range(30, 630, 5):
        samples = [
            (
                {**named, **target, label: replica, "destination_version": version, "response_code": code},
                [(float(at), float(at * rate)) for at in range(first, now + 1, 15)][-6:],
            )
            for replica, first in (("a", 0), ("b", 7))
            for version, code, rate in (("v1", "200", 95), ("v2", "503", 5))
        ]
        seen = by_proxy(samples, last=True)["a", "n"]
        tally, rise = tally.after({proxy: failed_scrapes(found) for proxy, found in seen.items()}, now)
        if isinstance(rise, Unknown):
            unknown.append(rise)
        else:
            told += rise.canary.bad
    assert unknown == [AWAITED] * 3
    assert told == 5 * (615 - 30)


def test_a_label_of_the_meshs_own_is_no_replica(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v2", 7, request_host="a")
    mesh.count("v2", 5, request_host="b")
    mesh.wait(15)
    assert look().failed.canary == Counts(12, 0)


def test_series_with_a_label_of_the_meshs_own_that_have_ended_hide_no_others():
    named = {
        "destination_service_name": "a",
        "destination_service_namespace": "n",
        "destination_version": "v1",
    }
    target = {"job": "mesh", "instance": "10.0.0.1:15090"}
    ended = ({**named, **target, "cluster": "a"}, [(float(at), 1.0) for at in range(0, 31, 15)])
    goes_on = ({**named, **target, "cluster": "b"}, [(float(at), float(at)) for at in range(0, 91, 15)])
    (moments,) = by_proxy([ended, goes_on], last=True)["a", "n"].values()
    (scrape,) = failed_scrapes(moments)
    assert scrape.at == 90
    assert [count for count, _ in scrape.counted["v1"].values()] == [90]


def test_workers_are_asked_about_nothing_but_their_own_checks(server):
    check = CheckSettings(query='tasks{{version="{version}"}}', limit=1, bad="above")
    look = reading(server, name="my-worker", judge=JudgeSettings(checks={"tasks": check}))
    server.told = {'tasks{{version="v2"}}': [3], 'tasks{{version="v1"}}': [2]}
    found = look()
    assert found.checks == {"tasks": (3.0, 2.0)}
    assert found.failed == Unknown("no requests come to a worker")
    assert {one for one in server.asked if "istio" in one} == set()


@pytest.mark.parametrize(
    ("told", "figure"),
    [
        ([2.5], 2.5),
        ([], Unknown("the query gives no value")),
        ([float("nan")], Unknown("the query gives no value")),
        ([1, 2], Unknown("the query gives 2 values, and not one")),
    ],
)
def test_an_own_check_gives_one_number_or_nobody_knows(server, told, figure):
    query = 'sum(rate(orders_total{app="{service}",version="{version}"}[1m]))'
    look = reading(
        server, judge=JudgeSettings(checks={"orders": CheckSettings(query=query, limit=1, bad="below")})
    )
    for version, values in (("v2", told), ("v1", [7])):
        server.told[query.replace("{service}", "auth-api").replace("{version}", version)] = values
    assert look().checks == {"orders": (figure, 7.0)}


def test_a_slow_check_holds_up_neither_requests_nor_the_checks_of_others(server, mesh, monkeypatch):
    monkeypatch.setattr("eco2.judge.requests.PATIENCE_SECONDS", 0.3)
    checked = {
        name: SERVICES[name].model_copy(
            update={
                "judge": JudgeSettings(
                    checks={"own": CheckSettings(query=f"{name}{{version}}", limit=1, bad="above")}
                )
            }
        )
        for name in ("auth-api", "chat-api")
    }
    server.told = {f"{name}v{number}": [number] for name in checked for number in (1, 2)}
    answers = server.slow["auth-apiv2"] = threading.Event()
    reader = RequestReader(Asker(server.url), checked)

    def look():
        return reader.look(dict.fromkeys(checked, 20))

    begun(mesh, lambda: look()["auth-api"])
    mesh.count("v2", 7)
    mesh.wait(15)
    began = time.monotonic()
    found = look()
    assert time.monotonic() - began < 1.5
    assert found["auth-api"].failed.canary == Counts(7, 0)
    assert found["auth-api"].checks == {"own": (LATE, LATE)}
    assert found["chat-api"].checks == {"own": (2.0, 1.0)}
    assert server.asked.count("auth-apiv2") == 1
    answers.set()
    time.sleep(0.1)
    assert look()["auth-api"].checks == {"own": (2.0, 1.0)}


def test_a_query_that_prometheus_refuses_is_unknown_with_its_words(server):
    check = CheckSettings(query="sum({version}", limit=1, bad="above")
    look = reading(server, judge=JudgeSettings(checks={"odd": check}))
    ours, _ = look().checks["odd"]
    assert ours.why.endswith("refused: no answer to sum(v2")


def test_what_stable_did_before_full_weight(server, mesh):
    look = reading(server, 100)
    mesh.count("v1", 0)
    mesh.count("v1", 0, "503")
    mesh.count("v1", 0, "0")
    mesh.take("v1", 20, 0)
    mesh.wait(15)
    mesh.count("v1", 990)
    mesh.count("v1", 6, "503")
    mesh.count("v1", 4, "0")
    mesh.take("v1", 20, 960)
    mesh.take("v1", 80, 40)
    mesh.wait(15)
    earlier = look.reader.earlier("auth-api")
    assert (earlier.failed, earlier.slow) == (Counts(1000, 10), Counts(1000, 40))
    assert look.reader.earlier("auth-api") == earlier


@pytest.mark.parametrize("odd", ["requests", "failed", "durations"])
def test_a_prometheus_without_finite_numbers_does_not_know_what_stable_did(server, mesh, odd):
    look = reading(server, 100)
    mesh.take("v1", 20, 0)
    mesh.wait(15)
    mesh.take("v1", 20, 960)
    mesh.wait(15)
    look()
    named = {"destination_service_name": "auth-api", "destination_service_namespace": "auth", "le": "+Inf"}
    result = [{"metric": named, "value": [0, "-Inf" if odd == "failed" else "+Inf"]}]
    service = {"auth-api": SERVICES["auth-api"]}
    asked = {
        "requests": requests_before(service, grpc=False, failed=False),
        "failed": requests_before(service, grpc=False, failed=True),
        "durations": durations_before(service, grpc=False),
    }
    server.told[asked[odd]] = 200, json.dumps({"status": "success", "data": {"result": result}}).encode()
    earlier = look.reader.earlier("auth-api")
    found = earlier.slow if odd == "durations" else earlier.failed
    assert "Prometheus gives no counts: " in found.why


@given(
    st.lists(
        st.tuples(st.sampled_from(["v1", "v2", "unknown"]), st.integers(0, 50), st.booleans()), max_size=20
    )
)
@settings(max_examples=25, deadline=None)
def test_whatever_is_counted_is_told_whole(counted):
    with PrometheusServer() as server:
        mesh = Mesh(server.series)
        look = reading(server)
        begun(mesh, look)
        for version, number, bad in counted:
            mesh.count(version, number, "500" if bad else "200")
        mesh.wait(15)
        found = look().failed
        lost = sum(number for version, number, bad in counted if version == "unknown" and bad)
        answered = sum(number for version, number, _ in counted if version != "unknown")
        assert found.canary.requests + found.stable.requests == pytest.approx(answered + lost)


def test_series_of_the_fake_are_chosen_as_by_promql():
    series = Series(now=100.0)
    series.scrape(90.0, 1, __name__="up", job="a")
    assert series.answer('up{job=~"a|b"}[20s]')[1][0]["values"] == [[90.0, "1"]]
    assert series.answer('up{job="b"}[20s]')[1] == []
    assert series.answer('up{job="a"}[5s]')[1] == []


def test_proxies_that_have_the_routes_of_the_phase_before_for_a_moment_are_no_fallback(server):
    mesh = Mesh(server.series, every=1.0)
    look = reading(server)
    mesh.count("v1", 1)
    mesh.wait(1)
    look()
    for second in range(12):
        mesh.wait(1)
        mesh.count("v1", 1000 if second < 4 else 800)
        mesh.count("v2", 0 if second < 4 else 200)
        found = look().fallen_back
    assert found == ""


def test_a_lack_is_of_one_weight_and_a_lower_one_begins_anew(server, mesh):
    look = reading(server)
    begun(mesh, look)
    for _ in range(2):
        mesh.count("v1", 1900)
        mesh.count("v2", 100)
        mesh.wait(15)
        found = look()
    assert found.fallen_back.startswith(
        "has 20 % and got 5.0 % of 2,000 requests in 15 s: it has fallen back"
    )
    assert look(5).fallen_back == ""


def test_a_histogram_without_the_bucket_of_the_line_is_unknown(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.counters["gateway"] = {
        labels: value
        for labels, value in mesh.counters["gateway"].items()
        if ("le", "25") not in labels or ("destination_version", "v1") in labels
    }
    mesh.wait(15)
    assert look().slow == Unknown(
        "istio-system/gateway: there is no bucket that ends at 25: the histograms differ"
    )


def test_buckets_whose_estimates_cross_still_give_a_line(server, mesh):
    look = reading(server)
    asked = durations_before({"auth-api": SERVICES["auth-api"]}, grpc=False)
    named = {"destination_service_name": "auth-api", "destination_service_namespace": "auth"}
    estimates = {"10": 95.2, "25": 95.1, "nonsense": 7, "+Inf": 100.0}
    result = [{"metric": {**named, "le": end}, "value": [0, str(value)]} for end, value in estimates.items()]
    server.told[asked] = 200, json.dumps({"status": "success", "data": {"result": result}}).encode()
    begun(mesh, look)
    mesh.take("v2", 20, 3)
    mesh.wait(15)
    assert look().slow.canary == Counts(3, 3)

"""Several proxies that report for themselves: scraped at other times, gone, or scraped twice."""

from __future__ import annotations

import pytest

from eco2.judge.series import by_proxy, failed_scrapes
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import NotYet
from rollout.judge.tally import Tally
from tests.judge_reading import AWAITED, begun, reading
from tests.prometheus_server import Mesh


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

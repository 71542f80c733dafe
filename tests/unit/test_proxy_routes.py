"""Reading from a proxy's route table what it does with a request."""

from __future__ import annotations

import pytest

from lab.mesh.routes import Split, split_of


def cluster(subset):
    return f"outbound|8000|{subset}|auth-api.auth.svc.cluster.local"


def rule(match, **weights):
    named = {"prefix": "/api/v1/auth"} | match
    if len(weights) == 1:
        return {"match": named, "route": {"cluster": cluster(*weights)}}
    clusters = [{"name": cluster(subset), "weight": weight} for subset, weight in weights.items()]
    return {"match": named, "route": {"weighted_clusters": {"clusters": clusters}}}


def header(name="x-canary"):
    return {"headers": [{"name": name, "string_match": {"exact": "true"}}]}


def table(*routes, domain="api.test"):
    return [{"virtual_hosts": [{"domains": [domain, f"{domain}:*"], "routes": list(routes)}]}]


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([rule({}, stable=100)], Split()),
        ([rule(header(), canary=100), rule({}, stable=100)], Split(header=True)),
        # A stack may have a canary header of its own, and rules inside the mesh ask for baggage, too.
        ([rule(header("x-try"), canary=100), rule({}, stable=100)], Split(header=True)),
        ([rule(header("baggage"), canary=100), rule({}, stable=100)], Split(header=True)),
        ([rule(header(), canary=100), rule({}, stable=95, canary=5)], Split(header=True, weight=5)),
        ([rule(header(), canary=100), rule({}, canary=100)], Split(header=True, weight=100)),
        ([], Split()),
    ],
)
def test_the_split_is_that_of_the_first_rule_that_fits(routes, expected):
    assert split_of(table(*routes), "api.test", "/api/v1/auth/me") == expected


def test_other_hosts_paths_and_headers_do_not_count():
    routes = [
        rule({"prefix": "/api/v1/other"}, canary=100),
        rule(header("x-other"), stable=50, canary=50),
        {"match": {"path": "/api/v1/auth/me/exactly"}, "route": {"cluster": cluster("canary")}},
        rule({"path_separated_prefix": "/api/v1/auth", "prefix": "/api/v1/auth"}, stable=50, canary=50),
    ]
    tables = [*table(rule({}, canary=100), domain="elsewhere.test"), *table(*routes)]
    assert split_of(tables, "api.test", "/api/v1/auth/me") == Split(weight=50)


def test_a_separated_prefix_ends_at_a_slash():
    only = {"match": {"path_separated_prefix": "/api"}, "route": {"cluster": cluster("canary")}}
    assert split_of(table(only), "api.test", "/api/v1").weight == 100
    assert split_of(table(only), "api.test", "/apiary").weight == 0


def test_a_split_is_told_in_a_word():
    assert [str(one) for one in (Split(), Split(header=True), Split(header=True, weight=20))] == [
        "off",
        "header",
        "20 %",
    ]

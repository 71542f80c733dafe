"""observability/: up to date, complete for any catalog, and with commands that exist."""

from __future__ import annotations

import re

import pytest
import yaml

from eco2.cli import app
from eco2.istio_metrics import increase
from observability.alerts import OLDEST_DAYS, alerts
from observability.files import ROUTE_WEIGHTS, RULE_OBJECT, RULES, files
from observability.recording import recording_rules
from observability.watched import Watched
from rollout.guards.fallen_back import DEVIATIONS, FEWEST_REQUESTS
from rollout.judge.share import LEAST_SHORTAGE
from rollout.spec.files import read_catalog
from rollout.spec.stickiness import Stickiness
from rollout.traffic import write
from rollout.traffic.split import Split
from tests.conftest import ROOT
from tests.state_metrics import custom_resources
from tests.unit.test_documents import help_of, registered

MADE = files(ROOT)


@pytest.fixture(scope="module")
def catalog():
    return read_catalog(ROOT / "services.yaml")


@pytest.fixture
def watched(catalog):
    return Watched(catalog.services)


def changed(catalog, name, **update):
    return Watched({**catalog.services, name: catalog.services[name].model_copy(update=update)})


@pytest.mark.parametrize("path", MADE)
def test_the_files_are_what_make_docs_writes(path):
    assert (ROOT / path).read_text("utf-8") == MADE[path], "run `make docs`"


def test_a_rules_file_and_a_prometheusrule_hold_the_same():
    assert yaml.safe_load(MADE[RULE_OBJECT])["spec"] == yaml.safe_load(MADE[RULES])


def test_every_alert_says_how_bad_it_is_what_it_means_and_what_to_type(watched):
    known = registered(app)
    for rule in alerts(watched):
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert notes["runbook_url"].endswith("/docs/rollback.md")
        assert "$labels.service" in notes["summary"]
        typed = re.findall(r"`eco2 ([a-z-]+) ([^`]*)`", notes["description"])
        assert typed, rule["alert"]
        for command, rest in typed:
            assert command in known
            assert "--stack {{ or $externalLabels.stack" in rest
            assert set(re.findall(r"--[a-z-]+", rest)) <= help_of("eco2", command)


@pytest.mark.parametrize(
    ("alert", "commands"),
    [
        ("Eco2CanarySick", {"judge", "status", "abort"}),
        ("Eco2CanaryFellBack", {"judge", "status", "abort"}),
        ("Eco2RolloutOld", {"status", "advance", "promote", "abort"}),
        ("Eco2RoutesDisagree", {"status", "plan"}),
        ("Eco2RoutesWithoutPods", {"status", "abort"}),
        ("Eco2CanaryWithoutRoutes", {"status", "abort"}),
        ("Eco2WeightUnseen", {"status"}),
        ("Eco2RequestsUnseen", {"status"}),
    ],
)
def test_an_alert_names_the_commands_that_look_decide_and_act(watched, alert, commands):
    told = [one["annotations"]["description"] for one in alerts(watched) if one["alert"] == alert]
    assert told
    for description in told:
        assert set(re.findall(r"`eco2 ([a-z]+) ", description)) == commands


def test_whoever_writes_an_alert_says_on_the_page_what_it_means(watched):
    page = (ROOT / "docs/observability.md").read_text()
    for name in {rule["alert"] for rule in alerts(watched)}:
        assert f"`{name}`" in page
    assert f"{OLDEST_DAYS * 24 * 3600}" in MADE[RULES]


@pytest.mark.parametrize("grpc", [False, True])
@pytest.mark.parametrize("failed", [False, True])
def test_the_rules_count_what_the_commands_count(catalog, watched, grpc, failed):
    names = watched.selected if grpc else watched.routed
    of = {name: catalog.services[name] for name in names}
    (counted,) = re.findall(r"increase\(.*?\{.*?\}\[", increase(of, 300, grpc=grpc, failed=failed))
    assert counted in MADE[RULES]


def test_fallen_back_is_what_the_guard_calls_so(watched):
    (rule,) = (one for one in alerts(watched) if one["alert"] == "Eco2CanaryFellBack")
    for bound in (f"{DEVIATIONS:g} * sqrt", f"(1 - {LEAST_SHORTAGE:g}) - 1", f">= {FEWEST_REQUESTS}"):
        assert bound in rule["expr"]


def sick(watched):
    return [one["expr"] for one in alerts(watched) if one["alert"] == "Eco2CanarySick"]


def test_services_that_are_judged_otherwise_have_an_alert_of_their_own(catalog, watched):
    assert len(sick(watched)) == 1
    own = catalog.services["my-api"].judge.model_copy(
        update={"margin": 2.0, "least_requests": 500, "together": 3}
    )
    first, second = sick(changed(catalog, "my-api", judge=own))
    assert "my-api" not in first
    assert 'service=~"my-api"' in second
    assert "- 0.02\n" in second
    assert ">= 500" in second
    assert "3 * (sum" in second


def test_what_says_nothing_of_failures_makes_no_alert_of_its_own(catalog):
    own = catalog.services["my-api"].judge.model_copy(update={"quantile": 99.0})
    assert len(sick(changed(catalog, "my-api", judge=own))) == 1


def test_alerts_of_one_name_differ_in_a_label(catalog):
    own = catalog.services["my-api"]
    judged = own.judge.model_copy(update={"margin": 2.0})
    made = alerts(changed(catalog, "my-api", judge=judged, stickiness=Stickiness(cookie="eco2-my")))
    told = [(one["alert"], tuple(sorted(one["labels"].items()))) for one in made]
    assert len(set(told)) == len(told)


def fell_back(watched):
    return [one["expr"] for one in alerts(watched) if one["alert"] == "Eco2CanaryFellBack"]


def test_a_share_tells_at_full_weight_alone_where_users_keep_their_version(catalog):
    first, second = fell_back(changed(catalog, "my-api", stickiness=Stickiness(cookie="eco2-my")))
    assert "my-api" not in first
    assert first.endswith("> 0")
    assert 'service=~"my-api"' in second
    assert second.endswith("== 1")


def test_where_nothing_falls_back_no_share_tells(catalog):
    policy = catalog.services["my-api"].traffic_policy.model_copy(update={"fallback": None})
    (only,) = fell_back(changed(catalog, "my-api", traffic_policy=policy))
    assert "my-api" not in only


def test_a_catalog_of_workers_alone_has_rules_too(catalog):
    workers = Watched({name: one for name, one in catalog.services.items() if one.reads_queues})
    told = [one["alert"] for one in alerts(workers)]
    assert told == ["Eco2RolloutOld"]
    assert {one["record"] for one in recording_rules(workers)} == {
        "eco2:canary_created:timestamp_seconds",
        "eco2:canary_pods_available:max",
    }


@pytest.mark.parametrize("weight", [0, 5, 100])
@pytest.mark.parametrize("header", [False, True])
def test_the_exporter_finds_every_weight_that_an_update_writes(catalog, watched, weight, header):
    config = yaml.safe_load(MADE[ROUTE_WEIGHTS])
    for name in watched.routed:
        service = catalog.services[name]
        routed, split = write.Routed(name, service, catalog.canary_header), Split(weight, header)
        public = write.public_spec(split, routed, "api.eco2.test", catalog.gateway)
        for called, spec in ((name, public), (f"{name}-mesh", write.mesh_spec(split, routed))):
            obj = {"metadata": {"name": called, "namespace": service.namespace}, "spec": spec}
            samples = list(custom_resources(config, [obj]))
            weighted = [rule for rule in spec["http"] if "route" in rule and not _asks_for_header(rule)]
            shares = {
                (rule["name"], one["destination"]["subset"]): one["weight"]
                for rule in weighted
                for one in rule["route"]
            }
            assert shares == {
                (labels["rule"], labels["subset"]): value
                for sample, labels, value in samples
                if sample == "eco2_virtualservice_route_weight"
            }
            assert header == any(sample == "eco2_virtualservice_header_rule_info" for sample, _, _ in samples)
            assert {(labels["namespace"], labels["virtualservice"]) for _, labels, _ in samples} == {
                (service.namespace, called)
            }


def _asks_for_header(rule):
    return any("headers" in match for match in rule.get("match") or ())


def test_the_page_names_the_services_whose_canary_has_no_name_of_its_own_in_traces(catalog):
    nameless = [name for name, one in catalog.services.items() if "OTEL_SERVICE_NAME" not in one.env]
    assert (
        f"{' and '.join(nameless)} set no `OTEL_SERVICE_NAME`" in (ROOT / "docs/observability.md").read_text()
    )

"""Rule 17 in the review of an update: who is refused for want of room, who waits, who is left in peace."""

from __future__ import annotations

import copy
import shlex
from collections import Counter

import pytest

from rollout.guards import review as review_module
from rollout.guards.review import accept, review
from rollout.plan import update as update_module
from rollout.plan.update import update_of
from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.spec.settings import Settings
from tests.conftest import ROOT
from tests.unit.conftest import own_keys

CATALOG = read_catalog(ROOT / "services.yaml")
DEV = own_keys("dev")
NONE: dict = {}


def update(rollouts, before=None, only=(), **config):
    """An update of dev from some rollouts to others; `before` of None: the stack was never updated."""
    said = copy.deepcopy({**DEV, **config, "rollouts": rollouts})
    last = {}
    if before is not None:
        plans = update_of("dev", CATALOG, Settings.model_validate({**said, "rollouts": before}), {}).plans
        last = {"rollouts": {name: one.output() for name, one in plans.items()}}
    return update_of("dev", CATALOG, Settings.model_validate(said), last, only=frozenset(only))


def phases(**names):
    return {name.replace("_", "-"): {"phase": phase} for name, phase in names.items()}


def groups(**sizes):
    """Node groups with `domain=(desired, max, type)` of their own."""
    found = copy.deepcopy(DEV["nodeGroups"])
    for domain, (desired, most, instance_type) in sizes.items():
        found[domain.replace("_", "-")] = {
            "min": 0,
            "desired": desired,
            "max": most,
            "instanceTypes": [instance_type],
        }
    return found


def refused(made):
    return [(one.service, one.rule) for one in review(made).refused]


# A t3.small leaves 1930m and 1428Mi to pods: domain auth holds auth-api (250m, 384Mi) and two of
# ext-authz (300m, 192Mi each), 768Mi in all, and 660Mi more: one canary of auth-api, or three of ext-authz.
SMALL = groups(auth=(1, 1, "t3.small"))
FULL = groups(auth=(1, 1, "t3.small"), scan=(1, 1, "t3.small"))
BIG_SCAN = {
    "scan-api": {
        "resources": {"requests": {"cpu": "900m", "memory": "600Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    }
}


def test_rule_17_refuses_a_canary_that_can_never_be_scheduled_with_the_arithmetic_and_the_way_on():
    made = update(phases(scan_api=1), NONE, nodeGroups=FULL, services=BIG_SCAN)
    with pytest.raises(ConfigError) as told:
        accept(made)
    assert str(told.value) == (
        "1 problem, nothing was changed:\n"
        "  Pulumi.dev.yaml: eco2:rollouts.scan-api: scan-api: rule 17 (a canary has room on its nodes, "
        "docs/rules.md): from no canary pods to 1 canary pod: "
        "canary scan-api needs 1000m CPU and 728Mi; the freest of 1 t3.small node of domain scan has 780m and "
        "700Mi left of 1930m and 1428Mi; raise eco2:nodeGroups.scan.max from 1 to 2, or request less; "
        "next: `pulumi config set --stack dev --path eco2:nodeGroups.scan.max 2`; "
        'to overrule: `eco2:overrule: {scan-api: "reason"}`'
    )


def test_an_overrule_lets_it_through_with_a_warning():
    made = update(
        phases(scan_api=1),
        NONE,
        nodeGroups=FULL,
        services=BIG_SCAN,
        overrule={"scan-api": "a node is being freed"},
    )
    (warning,) = [one for one in accept(made).warnings if "rule 17" in one]
    rule = "rule 17 (a canary has room on its nodes, docs/rules.md)"
    assert warning.startswith(f"scan-api: overruled (a node is being freed): {rule}: from no canary pods")


def test_what_more_nodes_solve_is_a_warning():
    made = update(phases(scan_api=1), NONE, nodeGroups=groups(scan=(1, 2, "t3.small")), services=BIG_SCAN)
    (warning,) = accept(made).warnings
    assert warning.startswith("domain scan: canary scan-api needs 1000m CPU and 728Mi")
    assert warning.endswith("on 2 there is room, so pods wait until the cluster autoscaler has added nodes")


def test_a_neighbour_that_moves_up_is_refused_and_not_the_one_that_stands():
    three = {
        "ext-authz": {
            "resources": {
                "requests": {"cpu": "200m", "memory": "250Mi"},
                "limits": {"cpu": "1", "memory": "1Gi"},
            }
        }
    }
    # Both canaries do not fit: auth-api is first in the catalog, ext-authz was there first.
    made = update(phases(auth_api=1, ext_authz=1), phases(ext_authz=1), nodeGroups=SMALL, services=three)
    assert refused(made) == [("auth-api", 17)]
    made = update(phases(auth_api=1, ext_authz=1), phases(auth_api=1), nodeGroups=SMALL, services=three)
    assert refused(made) == [("ext-authz", 17)]
    # Once both are there, by an overrule, neither an update of nothing nor a step without pods is refused.
    both = phases(auth_api=1, ext_authz=1)
    assert refused(update(both, both, nodeGroups=SMALL, services=three)) == []
    assert refused(update(phases(auth_api=2, ext_authz=1), both, nodeGroups=SMALL, services=three)) == []


def test_the_way_back_is_never_refused_for_want_of_room():
    services = {"scan-api": {**BIG_SCAN["scan-api"], "autoscaler": {"min": 4, "max": 5}}}
    for phase in range(5):
        made = update(phases(scan_api=phase), phases(scan_api=5), nodeGroups=FULL, services=services)
        assert refused(made) == []
        assert any("domain scan" in one for one in review(made).warnings)


def test_a_service_that_an_update_leaves_alone_is_not_judged():
    before = phases(auth_api=3)
    made = update(phases(scan_api=1), before, only=["auth-api"], nodeGroups=FULL, services=BIG_SCAN)
    assert refused(made) == []
    assert not any("scan" in one for one in review(made).warnings)


def test_another_rule_speaks_before_rule_17():
    made = update(phases(scan_api=3), NONE, nodeGroups=FULL, services=BIG_SCAN)
    assert refused(made) == [("scan-api", 13)]


@pytest.mark.parametrize("cpu", ["1500m", "3", "40"])
def test_the_command_of_a_refusal_makes_room(cpu):
    said = {"nodeGroups": groups(scan=(1, 1, "t3.small"))}
    said["nodeGroups"]["scan"]["instanceTypes"] += ["t3.medium"]
    amounts = {"cpu": cpu, "memory": "300Mi"}
    services = {"scan-api": {"resources": {"requests": amounts, "limits": amounts}}}
    (one,) = review(update(phases(scan_api=1), NONE, services=services, **said)).refused
    rollouts = follow(one.command, said, phases(scan_api=1))
    assert refused(update(rollouts, NONE, services=services, **said)) == []


def follow(command, said, rollouts):
    """Does what `pulumi config` would."""
    said["rollouts"] = rollouts
    for part in command.split(" && "):
        verb, option, stack, _, key, *value = shlex.split(part)[2:]
        assert (option, stack) == ("--stack", "dev")
        *parents, last = key.removeprefix("eco2:").replace("[", ".").replace("]", "").split(".")
        place = said
        for parent in parents:
            place = place[parent]
        last = int(last) if isinstance(place, list) else last
        if verb == "rm":
            del place[last]
        else:
            place[last] = int(value[0]) if value[0].isdigit() else value[0]
    return said.pop("rollouts")


def test_a_promotion_that_needs_a_second_node_on_the_way_is_a_warning():
    before = {"auth-api": {"phase": 5, "canary": {"tag": "new"}}, "ext-authz": {"phase": 2}}
    after = {"auth-api": {"phase": 0}, "ext-authz": {"phase": 2}}
    made = update(after, before, services={"auth-api": {"image": {"tag": "new"}}})
    # dev's outputs name the old stable.
    made.prior["auth-api"] = made.prior["auth-api"].__class__(
        **{**vars(made.prior["auth-api"]), "stable_image": Image("docker.io/mng990/eco2", "old")}
    )
    assert refused(made) == []
    (warning,) = [one for one in review(made).warnings if "while this update runs" in one]
    assert warning == (
        "domain auth: while this update runs, stable auth-api needs 250m CPU and 384Mi; the freest of 1 t3.medium "
        "node of domain auth has 130m and 1539Mi left of 1930m and 3267Mi; on 2 there is room, so pods wait until "
        "the cluster autoscaler has added nodes"
    )


def test_an_unchanged_stack_is_not_warned_of_nodes_that_came_long_ago():
    both = {"scan-api": {"phase": 1}}
    made = update(both, both, nodeGroups=groups(scan=(1, 2, "t3.small")), services=BIG_SCAN)
    assert review(made).warnings == ()


def test_a_run_of_the_program_reads_the_outputs_once_and_reviews_the_update_once(program, monkeypatch):
    calls = Counter()

    def counted(module, name):
        real = getattr(module, name)

        def call(*arguments):
            calls[name] += 1
            return real(*arguments)

        monkeypatch.setattr(module, name, call)

    counted(update_module, "read_prior")
    counted(review_module, "review")
    program.run(outputs=program.run().outputs)
    assert calls == {"read_prior": 2, "review": 2}  # of two runs

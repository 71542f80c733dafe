"""What holds for every phase, weight, ladder, image and catalog."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from components.domain_node_group import Placement
from components.metadata import labels
from components.workload import PodSpec, deployment_spec
from rollout.plan.order import Direction, Part
from rollout.plan.prior import PodCounts, Prior
from rollout.plan.service_plan import plan
from rollout.spec.autoscaling import Bounds
from rollout.spec.catalog import CanaryHeader
from rollout.spec.files import read_catalog
from rollout.spec.image import REVISION_ANNOTATION, Image
from rollout.spec.rollout_settings import CanarySettings, RolloutSettings
from rollout.spec.services import Wanted
from rollout.traffic import write
from rollout.traffic.versions import SUBSETS, TO_CANARY
from tests.conftest import ROOT

CATALOG = read_catalog(ROOT / "services.yaml")
HEADER = CanaryHeader(name="x-canary", value="true")
PLACE = Placement(
    {"domain": "x"}, ({"key": "domain", "operator": "Equal", "value": "x", "effect": "NoSchedule"},)
)
profile = settings(max_examples=300, deadline=None, derandomize=True)

ladders = st.lists(st.integers(1, 99), unique=True, max_size=6).map(lambda middle: (0, *sorted(middle), 100))
images = st.builds(
    Image,
    repository=st.just("repo"),
    tag=st.sampled_from(["a", "b"]),
    digest=st.none() | st.just("sha256:" + "0" * 64),
    revision=st.none() | st.sampled_from(["r1", "r2"]),
)


@st.composite
def rollouts(draw):
    ladder = draw(ladders)
    phase = draw(st.integers(0, len(ladder)))
    low, high = RolloutSettings(phase=phase, ladder=ladder).steps.bounds(phase)
    weight = draw(st.none() | st.integers(low, high))
    queues = draw(st.sampled_from([(), ("trial",)]))
    return RolloutSettings(phase=phase, ladder=ladder, weight=weight, canary=CanarySettings(queues=queues))


@st.composite
def services(draw):
    """A service of the catalog in other sizes."""
    name = draw(st.sampled_from(sorted(CATALOG.services)))
    service, low = CATALOG.services[name], draw(st.integers(1, 12))
    bounds = Bounds(min=low, max=low + draw(st.integers(0, 12)))
    scaler = service.autoscaler.model_copy(update=dict(bounds)) if service.autoscaler else None
    scaler = draw(st.sampled_from([None, scaler]))
    drop_queues = {"canary": CanarySettings()} if not service.queues else {}
    rollout = draw(rollouts()).model_copy(update=drop_queues)
    return Wanted(
        name=name,
        service=service.model_copy(update={"replicas": low, "autoscaler": scaler}),
        production=draw(st.booleans()),
        stable=draw(images),
        canary=draw(images),
        rollout=rollout,
        route_propagation_seconds=5,
    )


priors = st.none() | st.builds(
    Prior,
    phase=st.integers(0, 7),
    weight=st.sampled_from([0, 5, 50, 100]),
    stable_image=st.sampled_from([Image("repo", "a"), Image("repo", "b")]),
    canary_image=st.sampled_from([None, Image("repo", "a"), Image("repo", "b")]),
    share=st.just(0.0),
    ladder=st.just((0, 5, 50, 100)),
    pods=st.just(PodCounts(1, 1)),
    routes=st.none(),
    deployed=st.none(),
)


def specs(wanted, planned):
    own = labels(wanted.name, wanted.service.kind, {"domain": wanted.domain})
    pods = PodSpec(wanted.name, wanted.service, own, PLACE, "secret", 300)
    releases = [planned.stable, *([planned.canary] if planned.canary else [])]
    return [deployment_spec(pods, release) for release in releases]


def matches(selector, pod_labels):
    return selector.items() <= pod_labels.items()


@profile
@given(services(), priors)
def test_no_selector_or_subset_of_one_matches_a_pod_of_the_other(wanted, prior):
    planned = plan(wanted, prior)
    both = specs(wanted, planned)
    subsets = [{"version": version} for version in SUBSETS.values()]
    for position, spec in enumerate(both):
        pod_labels = spec["template"]["metadata"]["labels"]
        for other, (one, subset) in enumerate(zip(both, subsets, strict=False)):
            assert matches(one["selector"]["matchLabels"], pod_labels) == (position == other)
            assert matches(subset, pod_labels) == (position == other)


@profile
@given(services(), priors)
def test_templates_differ_only_in_what_marks_a_canary(wanted, prior):
    planned = plan(wanted, prior)
    if planned.canary is None:
        return
    stable, canary = (copy.deepcopy(spec["template"]) for spec in specs(wanted, planned))
    for template in (stable, canary):
        meta, container = template["metadata"], template["spec"]["containers"][0]
        meta["labels"].pop("version")
        meta["labels"].pop("release", None)
        meta.get("annotations", {}).pop(REVISION_ANNOTATION, None)
        meta.setdefault("annotations", {})
        container.pop("image")
        marks = ("OTEL_SERVICE_NAME", "RELEASE_TYPE")
        container["env"] = [one for one in container.get("env", ()) if one["name"] not in marks]
        if planned.weight == 0 and wanted.rollout.canary.queues:
            container.pop("args", None)
    assert stable == canary


@profile
@given(services(), priors)
def test_weights_make_100_and_name_only_subsets_with_pods(wanted, prior):
    planned = plan(wanted, prior)
    if not wanted.service.by_weight:
        return
    routed = write.Routed(wanted.name, wanted.service, HEADER)
    for spec in (
        write.public_spec(planned.split, routed, "api.eco2.test", "a/b"),
        write.mesh_spec(planned.split, routed),
    ):
        for rule in spec["http"]:
            routes = rule.get("route", [])
            if len(routes) > 1 or "weight" in (routes or [{}])[0]:
                assert sum(route["weight"] for route in routes) == 100
            if any(route["destination"]["subset"] in TO_CANARY for route in routes):
                assert planned.canary is not None
                assert planned.canary.replicas >= 1


@profile
@given(services(), priors)
def test_a_canary_is_never_larger_than_it_must_be(wanted, prior):
    planned = plan(wanted, prior)
    if planned.canary is None:
        return
    scaler = wanted.service.autoscaler
    assert planned.canary.replicas <= max(scaler.max if scaler else wanted.stable_replicas, 2)
    if planned.weight and wanted.service.by_weight:
        assert planned.canary.replicas * 100 >= planned.weight * wanted.stable_replicas
    assert 0 <= planned.share <= 100


@profile
@given(services(), priors)
def test_climbing_readies_pods_first_and_retreating_moves_routes_first(wanted, prior):
    planned = plan(wanted, prior)
    order = planned.order
    if order.direction is Direction.DOWN:
        assert order.before(Part.ROUTES) == frozenset()
        assert Part.ROUTES in order.before(Part.CANARY)
        assert order.pauses_before_canary
    elif order.direction is Direction.PROMOTE:
        assert order.before(Part.ROUTES) == {Part.STABLE}
    else:
        assert {Part.CANARY, Part.STABLE} <= order.before(Part.ROUTES)
    assert sorted(order.sequence) == sorted(Part)

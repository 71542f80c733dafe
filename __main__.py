"""Eco2's 13 services on EKS, each with its canary."""

from pathlib import Path

import pulumi

from components.canary_service import CanaryService, Platform
from components.cluster import Cluster
from components.domain_node_group import DomainNodeGroup
from components.node_role import NodeRole
from components.pause import Pause
from components.stack import config, last_outputs, only, problems_in_words, routes_left_at, stack_file
from rollout.files import read_catalog
from rollout.plan import RolloutPlan, plan
from rollout.prior import merged, read_prior
from rollout.review import review
from rollout.services import resolve
from rollout.settings import read_settings
from rollout.traffic import traffic

stack_config = config()
with problems_in_words():
    catalog = read_catalog(Path(__file__).with_name("services.yaml"))
    settings = read_settings(stack_file(), stack_config, catalog)

last = last_outputs()
prior = read_prior(last)
services = resolve(catalog, settings)
with problems_in_words():
    warnings = review(stack_file(), services, prior, settings.overrule, only())
plans = {name: plan(wanted, prior.get(name)) for name, wanted in services.items()}
for warning in (*warnings, *(warning for planned in plans.values() for warning in planned.warnings)):
    pulumi.log.warn(warning)

context = stack_config["kubernetes:context"]
tags = {"eco2:environment": settings.environment, "ManagedBy": "pulumi"}
cluster = Cluster(settings.cluster, context, catalog.namespaces, protect=settings.protect)
role = NodeRole(f"{settings.cluster.name}-nodes", tags, protect=settings.protect)
nodes = {
    domain: DomainNodeGroup(domain, size, cluster, role, tags, protect=settings.protect)
    for domain, size in settings.node_groups.items()
}
pause = Pause(settings.drain_seconds, routes_left_at())
platform = Platform(catalog, settings, cluster, pause)
for name, wanted in services.items():
    CanaryService(wanted, plans[name], nodes[wanted.service.domain], platform)

moved = pulumi.Output.from_input(pause.moved())
for output, entry in (("rollouts", RolloutPlan.output), ("traffic", traffic)):
    after = merged({name: entry(planned) for name, planned in plans.items()}, last.get(output), only())
    pulumi.export(output, moved.apply(lambda _, after=after: after))
pulumi.export("overrule", settings.overrule)

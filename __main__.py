"""Eco2's 13 services on EKS, each with its canary."""

from functools import partial
from pathlib import Path

import pulumi

from components import stack
from components.program import cluster_of, declare_ground, platform_of, service_args
from components.services import canary_services
from rollout.guards.review import accept
from rollout.plan.prior import merged
from rollout.plan.service_plan import RolloutPlan
from rollout.plan.update import update_of
from rollout.report.report import report
from rollout.report.text import summary
from rollout.report.traffic import traffic
from rollout.spec.files import read_catalog
from rollout.spec.settings import read_settings
from rollout.text.plain import inert, one_line, visible

config = stack.config()
with stack.problems_in_words():
    here = Path(__file__).parent
    stack.refuse_other_spellings(here)
    catalog = read_catalog(here / "services.yaml")
    settings = read_settings(stack.file(), config, catalog, stack.encrypted())

last, context = stack.last_update(), config["kubernetes:context"]
with stack.problems_in_words():
    limits = stack.limits()
    platform = platform_of(catalog, settings, context, last, limits)
    update = update_of(
        pulumi.get_stack(), catalog, settings, last.outputs, last.resources, limits.only, held=limits.held
    )
    judged = accept(update)
    planned = report(update, judged)
    unknown = platform.readiness.look(update, planned)
pulumi.log.info(inert(visible(summary(planned))))
for warning in (*judged.warnings, *unknown):
    pulumi.log.warn(inert(one_line(warning)))

cluster = cluster_of(update, context, last, limits)
done = canary_services(
    service_args(update, catalog, platform, cluster),
    pulumi.ResourceOptions(providers=[cluster.kubernetes]),
    nodes=partial(declare_ground, update, catalog, cluster, last, limits),
)

for output, entry in (("rollouts", RolloutPlan.output), ("traffic", traffic)):
    wanted = {name: entry(one) for name, one in update.plans.items()}
    told = pulumi.Output.all(wanted, last.outputs.get(output), done)
    pulumi.export(output, told.apply(lambda of: merged(*of, whole=not update.only)))
pulumi.export("overrule", settings.overrule)

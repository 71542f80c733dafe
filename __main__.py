"""Eco2's 13 services on EKS, each with its canary."""

from pathlib import Path

import pulumi

from components import stack
from components.canary_service import Platform
from components.cluster import Cluster
from components.pause import Pause
from components.readiness import Readiness
from components.services import declare_services
from components.tolerance import Tolerance
from rollout.guards.review import accept
from rollout.plan.cluster import identifier_left
from rollout.plan.frozen import frozen
from rollout.plan.nodes import groups_left
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

live = stack.cluster_to_ask()
readiness = Readiness(live)
last = stack.last_outputs()
resources = stack.last_resources() if last else {}
with stack.problems_in_words():
    update = update_of(pulumi.get_stack(), catalog, settings, last, resources, stack.only())
    warnings = accept(update)
    planned = report(update)
    unknown = readiness.look(update, planned)
pulumi.log.info(inert(visible(summary(planned))))
for warning in (*warnings, *unknown):
    pulumi.log.warn(inert(one_line(warning)))

identifier = identifier_left(resources, update)
cluster = Cluster(settings.cluster, config["kubernetes:context"], identifier, protect=settings.protect)
pause = Pause(settings.drain_seconds, stack.routes_left_at())
tolerance = Tolerance(frozen(resources), live)
platform = Platform(catalog, settings, cluster, pause, readiness, tolerance, stack.held())
done = declare_services(update.services, update.plans, platform, groups_left(resources))

moved = done.apply(lambda _: pause.moved())
for output, entry in (("rollouts", RolloutPlan.output), ("traffic", traffic)):
    wanted = {name: entry(one) for name, one in update.plans.items()}
    told = pulumi.Output.all(wanted, last.get(output), done, moved)
    pulumi.export(output, told.apply(lambda of: merged(of[0], of[1], of[2])))
pulumi.export("overrule", settings.overrule)

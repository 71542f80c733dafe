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
from rollout.cluster_left import identifier_left
from rollout.files import read_catalog
from rollout.frozen import frozen
from rollout.nodes import groups_left
from rollout.plain_text import inert, one_line, visible
from rollout.plan import RolloutPlan
from rollout.prior import merged
from rollout.report import report
from rollout.review import accept
from rollout.settings import read_settings
from rollout.traffic.in_words import traffic
from rollout.update import update_of
from rollout.wording import summary

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

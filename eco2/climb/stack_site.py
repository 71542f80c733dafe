"""What a climb touches of a real stack: its file, its state, its cluster, a Prometheus, and Pulumi's CLI."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eco2.background import Later
from eco2.change.canaries import NotKnownError, look_at_canaries
from eco2.change.manual_routes import look_at_routes, unfinished_abort
from eco2.change.proposal import propose, read_baseline
from eco2.climb.earlier_verdicts import read_sick_before
from eco2.climb.site import (
    BesideError,
    MovedError,
    NotNowError,
    RefusedError,
    RoutesSeen,
)
from eco2.climb.step_update import StepUpdate
from eco2.judge.watch import Watch
from eco2.prometheus import PrometheusError
from eco2.stack.cli import PulumiError
from eco2.stack.file import read_text
from eco2.stack.history import history
from eco2.stack.missing import words
from eco2.stack.moves import services_of
from eco2.stack.planning import last_update
from kube.errors import ClusterError
from rollout.climb.beside import beside_step
from rollout.climb.standing import asked_of, left_of, standing_of
from rollout.climb.steps import Raise
from rollout.edits import advanced, promoted
from rollout.plan.update import prior_of
from rollout.problems import ConfigError, refuse_strangers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eco2.change.proposal import Baseline, Proposal
    from eco2.climb.request import ClimbRequest
    from eco2.climb.way_back import WayBack
    from eco2.stack.state import StackState
    from kube.cluster import ClusterClient
    from rollout.climb.sick_before import SickBefore
    from rollout.climb.standing import Asked, Left, Standing
    from rollout.climb.steps import Promote
    from rollout.edits import Move
    from rollout.judge.judging import Earlier, Reading
    from rollout.plan.prior import Prior
    from rollout.spec.service import ServiceSpec
    from rollout.spec.services import Wanted


class StackSite:
    """The site of one climb."""

    def __init__(self, request: ClimbRequest, cluster: ClusterClient, way_back: WayBack) -> None:
        """Prepares; nothing is read yet.

        Args:
            request: What was asked for.
            cluster: The stack's cluster.
            way_back: The abort of these services.
        """
        self._request, self._cluster, self._way_back = request, cluster, way_back
        self._file = request.project / f"Pulumi.{request.stack}.yaml"
        self._baseline: Baseline | None = None
        self._last: StackState | None = None
        self._watch: Watch | None = None
        self._asked: tuple[str, dict[str, Asked]] = ("", {})
        self.strike, self.unmoved, self.finish_back = way_back.strike, way_back.unmoved, way_back.finish
        step = StepUpdate(request)
        self.write, self.update = step.write, step.update

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def stands(self) -> Mapping[str, Standing]:
        """Where the services stand, by file and state."""
        try:
            baseline = read_baseline(self._request.project, self._request.stack, may_be_unknown=False)
            found = self._standings(baseline)
            services = {name: baseline.services[name].service for name in found}
            self._watch = Watch(self._cluster, self._request.prometheus, services)
        except (ConfigError, PulumiError, PrometheusError) as error:
            raise RefusedError(str(error)) from None
        self._baseline, self._last = baseline, baseline.last
        return found

    def service(self, name: str) -> ServiceSpec:
        """What a service is, as the stack wants it; known after `stands`."""
        return self._known.services[name].service

    def asked(self) -> Mapping[str, Asked]:
        """What the file asks for now; a file that did not change is not parsed again."""
        known, request = self._known, self._request
        try:
            text = read_text(self._file)
            if text != self._asked[0]:
                wanted = services_of(request.project, request.stack, text, known.catalog)
                self._asked = text, {name: asked_of(wanted[name]) for name in request.services}
        except ConfigError as error:
            raise NotNowError(str(error)) from None
        return self._asked[1]

    def state(self) -> Later[Mapping[str, Left]]:
        """Begins to read what the last update left."""
        return Later(self._read_state)

    def _read_state(self) -> Mapping[str, Left]:
        try:
            last = last_update(self._request.project, self._request.stack)
        except (PulumiError, ValueError) as error:
            raise NotNowError(f"the state of {self._request.stack} cannot be read: {error}") from None
        self._last = last
        prior = prior_of(self._known.catalog, last.outputs, last.resources)
        return {name: left_of(prior.get(name)) for name in self._request.services}

    def routes(self) -> RoutesSeen:
        """Looks at the live routes."""
        routed = {name: self.service(name) for name in self._request.services}
        resources = (self._last and self._last.resources) or {}
        try:
            seen = look_at_routes(self._cluster, routed, resources, (), self._request.stack)
        except ClusterError as error:
            raise NotNowError(str(error)) from None
        hands = {name: told for name, _, told in (line.partition(": ") for line in seen.hands)}
        off = "an abort took its routes off the canary, which the last update had left there"
        return RoutesSeen(hands, dict.fromkeys(seen.unfinished, off))

    def away(self) -> str:
        """Why Prometheus tells nothing at this moment."""
        return self._watching.away()

    def sick_before(self, names: Collection[str]) -> Mapping[str, SickBefore]:
        """The verdicts of earlier climbs, from the messages of the stack's last updates."""
        request = self._request
        stands = {name: one for name, one in self._standings(self._known).items() if name in names}
        return read_sick_before(request.project, request.stack, stands)

    def begin_phase(self) -> None:
        """Forgets what was measured at the phase before."""
        self._watching.begin_phase()

    def earlier(self, name: str) -> Earlier | None:
        """What stable of a service did before its canary had full weight."""
        return None if self.service(name).reads_queues else self._watching.earlier(name)

    def look(self, weights: Mapping[str, int]) -> Mapping[str, Reading]:
        """One look at the canaries with these weights."""
        return self._watching.look(weights)

    def prepare(self, step: Raise | Promote, compare: Callable[[Mapping[str, Standing]], None]) -> Proposal:
        """Has a step judged by the guards, and the canaries looked at."""
        request = self._request
        try:
            baseline = read_baseline(request.project, request.stack, may_be_unknown=False)
            found = self._standings(baseline)
        except (ConfigError, PulumiError) as error:
            raise NotNowError(str(error)) from None
        compare(found)
        names = tuple(step.phases) if isinstance(step, Raise) else step.services
        try:
            proposal = propose(baseline, names, self._move(step))
        except ConfigError as error:
            raise RefusedError(str(error)) from None
        self._refuse_more(proposal, names)
        self._refuse_unfit(proposal)
        return proposal

    def _refuse_more(self, proposal: Proposal, names: Collection[str]) -> None:
        assert proposal.plan is not None  # what the last update left is known
        services = proposal.baseline.services
        own = {name: services[name].service.companions for name in names}
        if told := beside_step(proposal.plan, own):
            way = (
                f"do it first: `pulumi up --stack {self._request.stack}`, or take it out of {self._file.name}"
            )
            raise BesideError(f"the update would also do what is not of this climb: {told}; {way}")

    def _move(self, step: Raise | Promote) -> Callable[[Wanted, Prior | None], Move]:
        if isinstance(step, Raise):
            phases = step.phases
            return lambda wanted, _: advanced(wanted, phases[wanted.name], self._request.options)
        return lambda wanted, prior: promoted(wanted, prior, self._request.options)

    def _refuse_unfit(self, proposal: Proposal) -> None:
        try:
            seen = look_at_canaries(proposal, self._request.prometheus, self._cluster)
        except NotKnownError as error:
            raise NotNowError(str(error)) from None
        if seen.deleted:
            raise NotNowError(words(seen.deleted, self._request.stack))
        if seen.unfinished:
            raise MovedError(unfinished_abort(seen.unfinished, self._request.stack))
        if seen.unfit:
            told = "; ".join(f"{name} must not get more traffic: {why}" for name, why in seen.unfit.items())
            raise NotNowError(told)

    def who(self) -> str:
        """Who made the last update, and what was said with it."""
        try:
            entries = history(self._request.project, self._request.stack, 1)
        except (PulumiError, ValueError, KeyError) as error:
            raise NotNowError(str(error)) from None
        told = [f"by {one.who}" if one.who else "" for one in entries]
        told += [one.message.partition("\n")[0] for one in entries]
        return ": ".join(filter(None, told))

    def _standings(self, baseline: Baseline) -> dict[str, Standing]:
        """Where the services stand.

        Raises:
            ConfigError: If one is unknown.
        """
        refuse_strangers(self._request.services, baseline.services)
        assert baseline.last is not None  # `read_baseline` has raised
        prior = prior_of(baseline.catalog, baseline.last.outputs, baseline.last.resources)
        return {
            name: standing_of(baseline.services[name], prior.get(name)) for name in self._request.services
        }

    @property
    def _known(self) -> Baseline:
        assert self._baseline is not None  # `stands` comes first
        return self._baseline

    @property
    def _watching(self) -> Watch:
        assert self._watch is not None  # `stands` comes first
        return self._watch

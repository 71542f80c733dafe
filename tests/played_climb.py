"""A climb by the workflow `climb` on a real repository; GitHub, AWS and the judge are played."""

from __future__ import annotations

import json

from eco2.stack.moves import services_of
from rollout.plan.service_plan import plan
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.desk import PULUMI
from tests.github import git
from tests.workflow import Workflow

INPUTS = {
    "services": "auth-api", "to": "", "promote": False, "retry": False, "soak": "0s", "give-up": "2h", "chain": "",
}  # fmt: skip
WELL = ["well", 0]
SICK = ["sick", 5]
UNSURE = ["not known", 6]

JUDGE = """#!{python}
import json, sys
from pathlib import Path
place = Path("{folder}")
with (place / "judged").open("a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
answer, code = json.loads((place / "judge").read_text()).pop(0) if (place / "judge").exists() else ["well", 0]
rest = json.loads((place / "judge").read_text())[1:] if (place / "judge").exists() else []
(place / "judge").write_text(json.dumps(rest or [["well", 0]]))
soak, give_up = (int(sys.argv[sys.argv.index(option) + 1][:-1]) for option in ("--soak", "--give-up"))
if give_up <= soak:
    print("error: make --give-up longer", file=sys.stderr)
    sys.exit(2)
said = "12 of 400 @team #7"
part = {{"name": "failed", "answer": answer, "words": said, "sick": 1.0, "well": 0.1}}
figures = {{"requests": {{"stable": 7600, "canary": 400}}, "failed": {{"stable": 8, "canary": 12}}, "latency_ms": {{}}}}
look = {{"event": "looked", "service": "auth-api", "phase": 2, "weight": 100, **figures}}
look["verdict"] = {{"parts": [part]}}
images = {{"auth-api": {{"stable": "auth-api-0.7.4", "canary": "auth-api-0.8.0"}}}}
print(json.dumps({{"event": "began", "images": images}}))
print(json.dumps(look))
print("cut off {{")
print(json.dumps({{"event": "judged", "service": "auth-api", "answer": answer, "phase": 1, "seconds_in_phase": 600.0,
                  "words": said}}))
print(json.dumps({{"event": "ended", "outcome": answer, "words": "so it ended", "code": code}}))
sys.exit(code)
"""
TOOL = """#!/bin/sh
echo "$@" >> "{folder}/asked"
if [ "$1" = judge ]; then exec "{folder}/eco2-judge" "$@"; fi
PYTHONPATH="{root}" exec "{python}" -m eco2 "$@"
"""
PYTHON = """#!/bin/sh
echo "$@" >> "{folder}/asked"
case "$1" in *prometheus.py)
  if [ -e "{folder}/away" ]; then cat "{folder}/away" >&2; exit 1; fi
  echo no canary was there to be watched; exit 0;;
esac
if [ -e "{folder}/no-page" ]; then case "$1" in *climb-verdict.py) echo "disk full" >&2; exit 1;; esac; fi
PYTHONPATH="{root}" exec "{python}" "$@"
"""


class Climb:
    """A climb of auth-api, whose ladder is short here, and everything around it."""

    def __init__(self, runner, clone, stack):
        self.runner, self.clone, self.stack = runner, clone, stack
        self.catalog = read_catalog(ROOT / "services.yaml")
        python = clone.joinpath(".venv/bin/eco2").read_text().split('"')[3]
        self._program(clone / ".venv/bin/eco2", TOOL.format(folder=runner.folder, root=ROOT, python=python))
        self._program(
            clone / ".venv/bin/python", PYTHON.format(folder=runner.folder, root=ROOT, python=python)
        )
        self._program(runner.folder / "eco2-judge", JUDGE.format(folder=runner.folder, python=python))
        self.backend = runner.folder / "backend"
        self.backend.mkdir()
        self._program(runner.folder / "bin/pulumi", PULUMI.format(folder=self.backend))
        self._program(runner.folder / "bin/make", "#!/bin/sh\n")
        (self.backend / "answers").write_text("0")
        (clone / ".github").symlink_to(ROOT / ".github")
        self.says("{auth-api: {phase: 0, ladder: blue-green, canary: {tag: auth-api-0.8.0}}}")
        self.flow = Workflow("climb", runner, clone, PAUSE_SECONDS="0")
        self.flow.called = {"update": self.update, "abort": self.abort, "approve": lambda _: ("success", {})}
        self.applies()
        self.id, self.answers, self.base = 100, [], ""
        self.updated = self.outcome = "success"

    @staticmethod
    def _program(path, text):
        path.write_text(text)
        path.chmod(0o755)

    @property
    def file(self):
        return self.clone / f"Pulumi.{self.stack}.yaml"

    @property
    def on_main(self):
        return git(self.runner.folder / "origin.git", "show", f"main:{self.file.name}")

    @property
    def phase(self):
        return services_of(self.clone, self.stack, self.on_main, self.catalog)["auth-api"].rollout.phase

    @property
    def titles(self):
        return git(self.runner.folder / "origin.git", "log", "--reverse", "--format=%s", "main").splitlines()[
            2:
        ]

    def says(self, rollouts, author="A Person", *, stable=""):
        """A person's push to main, from another clone; `stable` is a line with a service's own image."""
        other = self.runner.folder / "other"
        if not other.exists():
            git(self.runner.folder, "clone", "--quiet", "origin.git", "other")
        git(other, "pull", "--quiet", "--rebase")
        file = other / self.file.name
        kept = [line for line in file.read_text().splitlines() if not line.startswith("  eco2:rollouts:")]
        if stable:
            kept.insert(kept.index("  eco2:services:") + 1, f"    {stable}")
        file.write_text("\n".join([*kept, f"  eco2:rollouts: {rollouts}", ""]))
        by = f"--author={author} <a@example.test>"
        git(other, "commit", "--quiet", "--all", "--allow-empty", by, "--message", "By hand")
        git(other, "push", "--quiet")

    def applies(self, text=None):
        """An update: the state has what main asks for."""
        wanted = services_of(self.clone, self.stack, text or self.on_main, self.catalog)
        entries = {name: plan(one, None).output() for name, one in wanted.items()}
        root = {"type": "pulumi:pulumi:Stack", "urn": "root", "outputs": {"rollouts": entries}}
        (self.backend / "state.json").write_text(json.dumps({"deployment": {"resources": [root]}}))

    def update(self, context):
        """What update.yml does: nothing where main has moved on."""
        if git(self.runner.folder / "origin.git", "rev-parse", "main") != context["github"]["sha"]:
            return "success", {"outcome": "skipped"}
        self.applies()
        return self.updated, {"outcome": self.outcome} if self.outcome else {}

    def abort(self, context):
        self.says(
            "{auth-api: {phase: 0, ladder: blue-green, canary: {tag: auth-api-0.8.0}}}", "github-actions[bot]"
        )
        self.applies()
        if not context:  # a person's, who says nothing with it
            return "success", {}
        entry = {"kind": "update", "result": "succeeded", "startTime": "2026-11-27T09:00:00Z", "config": {}}
        entry["message"] = context["needs"]["watch"]["outputs"]["message"]
        (self.backend / "history").write_text(json.dumps([entry]))
        return "success", {}

    def judges(self, *answers):
        (self.runner.folder / "judge").write_text(json.dumps(answers))

    @property
    def asked(self):
        """The commands of `eco2` and Python, in their order."""
        return (self.runner.folder / "asked").read_text().splitlines()

    @property
    def judged(self):
        log = self.runner.folder / "judged"
        return log.read_text().splitlines() if log.exists() else []

    def run(self, chain="", **inputs):
        """One run; gives the chain that it starts the next one with, or nothing."""
        self.id += 1
        told = {**INPUTS, "stack": self.stack, **inputs, "chain": chain}
        title = f"climb {told['services']} on {self.stack}: to {told['to'] or 'the last phase'}"
        title += f"{', promote' * told['promote']}{', retry' * told['retry']}"
        title += f", soak {told['soak']}, give up {told['give-up']}"
        began = chain.split(" ")[0]
        base = (
            self.base if chain and self.base else git(self.runner.folder / "origin.git", "rev-parse", "main")
        )
        self.base = base
        run = f".github/workflows/climb.yml\nmain\n{base}\n{title}\n"
        self.runner.answers = [
            *self.answers,
            [[f"runs/{began}/approvals"], "1"],
            [[f"actions/runs/{began}"], run],
            [["run list", "climb.yml", "databaseId,displayTitle,status"], ""],
            [["run list", "climb.yml"], "999\n"],
            [["run list", "deploy.yml"], "0\n"],
            [["commits/main"], git(self.runner.folder / "origin.git", "rev-parse", "main")],
        ]
        return self._next(lambda: self.flow.run(self.id, **told))

    def run_failed_again(self):
        """ "Re-run failed jobs" of the last run; as `run`."""
        return self._next(lambda: self.flow.run_failed_again(self.id, self.context))

    def _next(self, act):
        before = len(self.runner.calls())
        self.context = act()
        self.calls = self.runner.calls()[before:]
        started = [
            call["arguments"]
            for call in self.calls
            if call["arguments"][:3] == ["workflow", "run", "climb.yml"]
        ]
        assert len(started) <= 1
        if not started:
            return ""
        told = dict(word.split("=", 1) for word in started[0] if "=" in word)
        return told["chain"]

    def goes_on(self, **inputs):
        """Runs until there is no next run; how it ended."""
        chain = self.run(**inputs)
        for _ in range(12):
            if not chain:
                return self.comment
            chain = self.run(chain, **inputs)
        raise AssertionError("it never ends")

    @property
    def comment(self):
        """What people are told at the end; empty while it goes on."""
        told = [call for call in self.calls if call["body"]]
        return told[-1]["body"] if told else ""

    @property
    def jobs(self):
        return [name for name, _ in self.flow.log]

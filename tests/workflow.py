"""A workflow of `.github/` run job by job, as GitHub would: conditions, outputs, and the lines of its steps.

Of the actions that steps use, only what a checkout leaves is done; a job that calls another workflow is the test's.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.github import git

TOKENS = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][\w-]*(?:\.[\w-]+)*|&&|\|\||[!=]=|[!(),]")
SIGNS = {"&&": " and ", "||": " or ", "!": " not ", "==": "==", "!=": "!=", "(": "(", ")": ")", ",": ","}
NAMES = count()


def value(expression: str, context: dict[str, Any]) -> Any:
    """What an expression is: operators as in Python, what is not there is empty."""

    def found(path):
        place = context
        for name in path.split("."):
            place = place.get(name, "") if isinstance(place, dict) else ""
        return place

    told = []
    for token in TOKENS.findall(expression):
        if token in SIGNS:
            told.append(SIGNS[token])
        elif token[0] == "'":
            told.append(repr(token[1:-1].replace("''", "'")))
        elif token in ("cancelled", "format", "true", "false"):
            told.append({"true": "True", "false": "False"}.get(token, token))
        else:
            told.append(f"found({token!r})")
    own = {"found": found, "cancelled": lambda: context["cancelled"], "format": str.format}
    return eval("".join(told), {}, own)  # noqa: S307  # expressions of our own files


def text(template: Any, context: dict[str, Any]) -> str:
    """Text with its expressions."""
    if isinstance(template, bool):
        return str(template).lower()

    def shown(found):
        got = value(found[1], context)
        return str(got).lower() if isinstance(got, bool) else str(got)

    return re.sub(r"\$\{\{(.*?)\}\}", shown, str(template), flags=re.DOTALL)


def outputs(path) -> dict[str, str]:
    """What a step has written for others."""
    told, lines = {}, iter(path.read_text().splitlines())
    for line in lines:
        if found := re.fullmatch(r"(\w+)<<(\w+)", line):
            held = []
            while (inner := next(lines)) != found[2]:
                held.append(inner)
            told[found[1]] = "\n".join(held)
        else:
            key, _, told[key] = line.partition("=")
    return told


class Workflow:
    """One workflow, beside a runner and a clone.

    Attributes:
        called: By job, a function in its place: for those that call another workflow. It gives result and outputs.
        before: By job, what somebody else does before it begins.
        log: The jobs that ran, with their results, of all runs.
        said: What the steps printed.
    """

    def __init__(self, name, runner, clone, **variables):
        self.flow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
        self.runner, self.clone, self.variables = runner, clone, variables
        self.called, self.before, self.log, self.said = {}, {}, [], []

    def run(self, run_id: int, **inputs: Any) -> dict[str, Any]:
        """One run by hand; the jobs by name."""
        event = {"event_name": "workflow_dispatch", "ref": "refs/heads/main", "sha": self._newest()}
        context = {
            "inputs": inputs,
            "github": {**event, "run_attempt": "1"},
            "vars": {},
            "needs": {},
            "cancelled": False,
        }
        self._jobs(context, run_id, self.flow["jobs"])
        context["title"] = text(self.flow["run-name"], context)
        return context

    def run_failed_again(self, run_id: int, context: dict[str, Any]) -> dict[str, Any]:
        """ "Re-run failed jobs": these and all that need them; of the others the results are kept."""
        again: list[str] = []
        for name, job in self.flow["jobs"].items():
            if context["needs"][name]["result"] == "failure" or any(one in again for one in needs_of(job)):
                again.append(name)
        attempt = str(int(context["github"]["run_attempt"]) + 1)
        context = {
            **context,
            "github": {**context["github"], "run_attempt": attempt},
            "needs": dict(context["needs"]),
        }
        self._jobs(context, run_id, again)
        return context

    def _jobs(self, context, run_id, names):
        for name in names:
            if name in self.before:
                self.before.pop(name)()
            context["needs"][name] = self._job(name, self.flow["jobs"][name], context, run_id)

    def _newest(self):
        git(self.clone, "fetch", "--quiet", "origin")
        return git(self.clone, "rev-parse", "origin/main")

    def _job(self, name, job, context, run_id):
        fine = all(context["needs"][one]["result"] == "success" for one in needs_of(job))
        condition = job.get("if", "true").strip().removeprefix("${{").removesuffix("}}")
        if not ("cancelled()" in condition or fine) or not value(condition, context):
            return {"result": "skipped", "outputs": {}}
        if name in self.called:
            result, told = self.called[name](context)
        else:
            result, told = self._steps(job, context, run_id)
        self.log.append((name, result))
        return {"result": result, "outputs": told}

    def _steps(self, job, context, run_id):
        failed, own = False, dict(context)
        own["steps"] = {
            step["id"]: {"outcome": "skipped", "outputs": {}} for step in job["steps"] if "id" in step
        }
        for step in job["steps"]:
            condition = text_condition(step)
            if (failed and "cancelled()" not in condition) or not value(condition, own):
                continue
            if "checkout" in step.get("uses", ""):
                commit = (
                    self._newest() if step.get("with", {}).get("ref") == "main" else context["github"]["sha"]
                )
                git(self.clone, "checkout", "--quiet", "--force", "-B", "main", commit)
            if "run" not in step:
                continue
            place = self.runner.folder / f"outputs-{next(NAMES)}"
            place.touch()
            told = {**self.flow.get("env", {}), **job.get("env", {}), **step.get("env", {})}
            environment = {key: text(one, own) for key, one in told.items()}
            environment |= {"GITHUB_RUN_ID": str(run_id), "GITHUB_SHA": context["github"]["sha"]}
            environment |= {"GITHUB_RUN_ATTEMPT": context["github"]["run_attempt"]}
            environment |= {"GITHUB_OUTPUT": str(place), **self.variables}
            done = self.runner.step(step["run"], self.clone, **environment)
            self.said.append(done.stdout + done.stderr)
            if done.returncode and not step.get("continue-on-error"):
                failed = True
            outcome = "failure" if done.returncode else "success"
            own["steps"][step.get("id", "")] = {"outcome": outcome, "outputs": outputs(place)}
        return "failure" if failed else "success", {
            key: text(one, own) for key, one in job.get("outputs", {}).items()
        }


def needs_of(job: dict[str, Any]) -> list[str]:
    """The jobs that a job waits for."""
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def text_condition(step: dict[str, Any]) -> str:
    """A step's condition; without one it runs as long as none failed."""
    return str(step.get("if", "true")).strip().removeprefix("${{").removesuffix("}}")

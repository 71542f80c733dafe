"""The rules, by Prometheus' own tool: valid, firing when they must, and quiet when they must not."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from lab import tools
from observability.asked import asked, filled
from observability.files import DASHBOARD, RULES, files
from tests.conftest import ROOT
from tests.stacks_rules import OWN_RULES, judged_otherwise

pytestmark = pytest.mark.lab

FOLDER = (ROOT / RULES).parent
TESTS = sorted((FOLDER / "tests").glob("*.yaml"))


@pytest.fixture(scope="module")
def promtool():
    tools.make(tools.PROMTOOL)

    def run(*arguments):
        command = [tools.program(tools.PROMTOOL), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_the_rules_are_valid_and_no_two_are_the_same(promtool):
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", ROOT / RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.stem)
def test_alerts_fire_when_they_must_and_never_else(promtool, test):
    done = promtool("test", "rules", test)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stacks_margin_decides_whom_its_alert_wakes(promtool, tmp_path):
    own = files(judged_otherwise(tmp_path, {"margin": 5}, "auth-api"))[OWN_RULES]
    rules = tmp_path / "eco2-rules.yaml"
    rules.write_text(own, "utf-8")
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", rules)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (tmp_path / "tests").mkdir()
    shutil.copy(FOLDER / "tests/canary-sick.yaml", tmp_path / "tests")
    # Tests of the general rules: a canary 2.4 points above their margin wakes nobody where 5 are allowed.
    done = promtool("test", "rules", tmp_path / "tests/canary-sick.yaml")
    assert done.returncode == 1
    assert "auth-api fails more often than stable" in done.stdout + done.stderr
    rules.write_text((ROOT / RULES).read_text("utf-8"), "utf-8")
    assert promtool("test", "rules", tmp_path / "tests/canary-sick.yaml").returncode == 0


SPOILT = {
    # What the margin and chance leave out.
    "  - 0.005\n": ("  - 0.05\n", "canary-sick"),
    "  > 3.2905 * sqrt(\n": ("  > 0 * sqrt(\n", "canary-sick"),
    "and on (service, namespace) eco2:requests:increase5m{": (
        "and on (service, namespace) 100 * eco2:requests:increase5m{",
        "canary-sick",
    ),
    "unless on (service, namespace) eco2:canary_weight:max == 0": (
        "unless on (service, namespace) eco2:canary_weight:max < 0",
        "canary-sick",
    ),
    "- last_over_time(eco2:stable_failed:ratio5m": (
        "- 0 * last_over_time(eco2:stable_failed:ratio5m",
        "canary-sick",
    ),
    "[1d]": ("[5m]", "canary-sick"),
    'response_code=~"5.."': ('response_code=~"50[1-9]"', "canary-sick"),
    'grpc_response_status=~"2|4|8|12|13|14|15"': ('grpc_response_status=~"14"', "canary-sick"),
    # A weight that has not been there for long enough.
    "min_over_time(eco2:canary_weight:min[6m])": ("eco2:canary_weight:min", "canary-fell-back"),
    "    and eco2:canary_weight:min offset 6m\n": ("", "canary-fell-back"),
    "and eco2:requests_of_both:increase5m >= 100": (
        "and eco2:requests_of_both:increase5m > 0",
        "canary-fell-back",
    ),
    " - 3.2905 * sqrt(eco2:canary_requests:expected5m": (
        " - 0 * sqrt(eco2:canary_requests:expected5m",
        "canary-fell-back",
    ),
    "      eco2:requests_of_both:increase5m * 0\n": (
        "      eco2:requests_of_both:increase5m < 0\n",
        "canary-fell-back",
    ),
    "> 604800": ("> 691200", "rollout-old"),
    "max by (namespace, virtualservice, rule)": ("sum by (namespace, virtualservice, rule)", "cluster-apart"),
    "      unless eco2:canary_pods_available:max > 0\n": ("", "cluster-apart"),
    "and on (namespace) group by (namespace) (kube_deployment_created)": ("", "cluster-apart"),
    "unless eco2:canary_header_rules:count > 0": ("", "cluster-apart"),
    "unless eco2:canary_weight:max\n": ("unless eco2:canary_weight:max > 100\n", "cluster-apart"),
    "      unless eco2:requests_of_both:increase5m\n": ("", "cluster-apart"),
}


@pytest.mark.rare
@pytest.mark.parametrize("right", SPOILT)
def test_a_rule_that_is_wrong_is_seen(promtool, tmp_path, right):
    wrong, test = SPOILT[right]
    rules = (ROOT / RULES).read_text("utf-8")
    assert right in rules
    (tmp_path / "tests").mkdir()
    (tmp_path / "eco2-rules.yaml").write_text(rules.replace(right, wrong), "utf-8")
    shutil.copy(FOLDER / "tests" / f"{test}.yaml", tmp_path / "tests")
    checked = promtool("check", "rules", tmp_path / "eco2-rules.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = promtool("test", "rules", tmp_path / "tests" / f"{test}.yaml")
    assert done.returncode == 1, "no test sees it"
    assert "FAILED" in done.stdout + done.stderr


def test_the_dashboard_asks_in_promql(promtool):
    values = {"service": "auth-api", "namespace": ".+", "__rate_interval": "1m"}
    for name, expression in asked(json.loads((ROOT / DASHBOARD).read_text("utf-8"))).items():
        done = promtool("--experimental", "promql", "format", filled(expression, values))
        assert done.returncode == 0, (name, done.stdout + done.stderr)

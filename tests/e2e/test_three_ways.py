"""The same rollout by the command line, by hand in the file, and by pull requests: the same end state."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from tests.e2e.test_rollout import weights
from tests.traffic import HOST, PATHS, Traffic

pytestmark = [pytest.mark.lab, pytest.mark.long]
TAG = "auth-api-0.8.0"
LISTS = (
    "/apis/apps/v1/deployments",
    "/api/v1/services",
    "/apis/networking.istio.io/v1/virtualservices",
    "/apis/networking.istio.io/v1/destinationrules",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/keda.sh/v1alpha1/scaledobjects",
)
OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def eco2(stack, *arguments, code=0, folder=None):
    command = [sys.executable, "-m", "eco2", *arguments, "--stack", stack.name]
    done = subprocess.run(
        command,
        cwd=folder or stack.folder,
        env=stack.lab.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def end_state(stack, lab):
    """What the file says, what the cluster holds apart from what the server numbers, and the outputs."""
    objects = {}
    for path in LISTS:
        for name, found in lab.items(path).items():
            meta = {key: value for key, value in found["metadata"].items() if key not in OF_THE_SERVER}
            meta.get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
            objects[f"{path} {name}"] = {"metadata": meta, "spec": found["spec"]}
    config = yaml.safe_load(stack.file.read_text())["config"]
    return {"config": config, "objects": objects, "outputs": stack.outputs()}


@pytest.fixture(scope="module")
def begun(stack):
    """The file before the first rollout."""
    return stack.file.read_bytes()


@pytest.fixture(scope="module")
def by_command(stack, lab, begun):
    """The end state of a rollout by the command line alone."""
    eco2(stack, "set-image", "auth-api", TAG, "--phase", "1", "--yes")
    shares = [weights(lab)]
    for _ in range(4):
        eco2(stack, "advance", "auth-api", "--yes")
        shares.append(weights(lab))
    assert shares == [
        {"stable": 100},
        {"stable": 95, "canary-or-stable": 5},
        {"stable": 80, "canary-or-stable": 20},
        {"stable": 50, "canary-or-stable": 50},
        {"canary-or-stable": 100},
    ]
    eco2(stack, "promote", "auth-api", "--yes")
    assert weights(lab) == {"stable": 100}
    assert stack.changes() == []
    return end_state(stack, lab)


@pytest.fixture
def anew(stack, begun, by_command):
    """The stack as it was before, once more."""
    stack.file.write_bytes(begun)
    stack.up()


def test_a_rollout_by_the_command_line_keeps_the_file_and_is_told_by_its_history(stack, begun, by_command):
    before, after = begun.decode().splitlines(), stack.file.read_text().splitlines()
    assert [line for line in before if line not in after] == ["  eco2:rollouts: {}"]
    assert [line for line in after if line not in before] == [
        f"    auth-api: {{image: {{tag: {TAG}}}}}",
        "  eco2:rollouts:",
        f"    auth-api: {{phase: 0, canary: {{tag: {TAG}}}}}",
    ]
    told = json.loads(eco2(stack, "history", "--json").stdout)
    assert [update["result"] for update in told] == ["succeeded"] * 7
    assert [update["moves"].get("auth-api", [""])[0] for update in told] == [
        "phase 5 → 0",
        "phase 4 → 5",
        "phase 3 → 4",
        "phase 2 → 3",
        "phase 1 → 2",
        "phase 0 → 1",
        "",
    ]


@pytest.mark.usefixtures("anew")
def test_the_same_by_hand(stack, lab, by_command):
    def save(old, new):
        text = stack.file.read_text()
        assert old in text
        stack.file.write_text(text.replace(old, new))
        stack.up()

    entry = f"eco2:rollouts:\n    auth-api: {{phase: {{}}, canary: {{tag: {TAG}}}}}"
    save("eco2:rollouts: {}", entry.replace("{}", "1", 1))
    for phase in range(1, 5):
        save(f"phase: {phase},", f"phase: {phase + 1},")
    stable = f"auth-api: {{image: {{tag: {TAG}}}}}"
    text = stack.file.read_text()
    stack.file.write_text(text.replace("eco2:services:\n", f"eco2:services:\n    {stable}\n"))
    save("phase: 5,", "phase: 0,")
    assert end_state(stack, lab) == by_command


@pytest.mark.usefixtures("anew")
def test_the_same_by_pull_requests(stack, lab, by_command, tmp_path):
    desk = tmp_path / "desk"

    def git(*arguments, folder=stack.folder):
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", "--all")
    git("commit", "-m", "begin")
    git("clone", str(stack.folder), str(desk), folder=tmp_path)

    def by_request(*command):
        # At somebody's desk: a branch with one edit, which touches nothing else.
        before = stack.outputs()
        git("checkout", "-b", "change", "origin/main", folder=desk)
        told = eco2(stack, *command, "--no-up", "--yes", folder=desk).stdout
        assert "pulumi up --stack dev" in told
        git("commit", "--all", "-m", " ".join(command), folder=desk)
        assert stack.outputs() == before
        # After the review it is merged, and CI updates.
        git("fetch", str(desk), "change")
        git("merge", "--ff-only", "FETCH_HEAD")
        stack.up()
        git("fetch", folder=desk)
        git("checkout", "--detach", "origin/main", folder=desk)
        git("branch", "-D", "change", folder=desk)

    by_request("set-image", "auth-api", TAG, "--phase", "1")
    for _ in range(4):
        by_request("advance", "auth-api")
    by_request("promote", "auth-api")
    assert end_state(stack, lab) == by_command


def test_a_canary_that_does_not_start_ends_with_its_own_exit_code_and_the_way_on_works(
    stack, lab, by_command
):
    stack.change(readyTimeoutSeconds=4)
    lab.command("behave", "chat-broken", "--unready")
    failed = eco2(stack, "set-image", "chat-api", "chat-broken", "--phase", "1", "--yes", code=4)
    assert "Pulumi.dev.yaml is written, and the stack is not what it says" in failed.stderr
    # Mend what the error says, and run what it names.
    lab.command("behave", "--reset")
    stack.change(readyTimeoutSeconds=60)
    command = failed.stderr.rsplit("run: `", 1)[1].split("`")[0]
    done = subprocess.run(
        [*command.split(), "--yes", "--skip-preview"], cwd=stack.folder, env=lab.environment, check=False
    )
    assert done.returncode == 0
    assert stack.outputs()["rollouts"]["chat-api"]["phase"] == 1


def test_a_canary_that_falls_sick_after_an_advance_is_told_and_taken_back(stack, lab, by_command):
    eco2(stack, "set-image", "my-api", "my-good", "--phase", "1", "--yes")
    with Traffic(lab, HOST, (PATHS["my-api"],), options=("--header",)):
        done = json.loads(eco2(stack, "advance", "my-api", "--yes", "--json", "--wait", "3").stdout)
    (watched,) = done["watched"]
    assert (watched["service"], watched["verdict"]) == ("my-api", "well"), watched
    assert watched["words"].startswith("1 pods ready, no restarts")
    command = [
        sys.executable,
        "-u",
        "-m",
        "eco2",
        "advance",
        "my-api",
        "--yes",
        "--wait",
        "120",
        "--stack",
        "dev",
    ]
    with subprocess.Popen(
        command, cwd=stack.folder, env=lab.environment, stdout=subprocess.PIPE, text=True
    ) as running:
        for line in running.stdout:
            if line.startswith("watching my-api"):
                break
        lab.command("behave", "my-good", "--unready")
        told = running.stdout.read()
    assert running.returncode == 5, told
    assert "my-api: sick: 0 pods ready" in told
    assert "`eco2 abort my-api --stack dev`" in told
    eco2(stack, "abort", "my-api")
    assert weights(lab, "my/my-api") == {"stable": 100}
    lab.command("behave", "--reset")

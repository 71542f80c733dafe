"""Text of a cluster, a file or another program is shown, and obeyed by nothing that shows it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from eco2.status.pods import read_pod
from eco2.terminal.console import Console
from eco2.terminal.output import pass_on, say_if_possible
from rollout.problems import Problem
from rollout.report.markdown import markdown_of_problems
from rollout.text.markdown import block, code, prose
from rollout.text.plain import HIDDEN, inert, one_line, visible
from tests.conftest import ROOT

FORGED = "\x1b[2K\x1b[1A\u2714 ready"
TEXTS = [
    ("all is well: käse 日本 ✔", "all is well: käse 日本 ✔"),
    (FORGED, "\\x1b[2K\\x1b[1A\u2714 ready"),
    ("a\rb", "a\\x0db"),
    ("a\x9b2Jb\x07", "a\\u009b2Jb\\x07"),
    ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
    ("a\u2028b\ud800", "a\\u2028b\\ud800"),
    ("line\n\tline", "line\n\tline"),
]
ANY = st.text(st.characters(), max_size=40)


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_every_character_is_seen(text, shown, capsys):
    assert visible(text) == shown
    say_if_possible(text)
    stream, page = io.StringIO(), io.StringIO()
    pass_on(text, stream)
    Console(file=page, width=200, soft_wrap=True).print(text, markup=False)
    assert capsys.readouterr().out.rstrip("\n") == stream.getvalue() == shown
    # Rich itself leaves out some of them, a bell and a return.
    assert all(visible(line) == line for line in page.getvalue().splitlines())


def test_a_table_shows_what_a_pod_says_of_itself_in_letters():
    table, page = Table("pod"), io.StringIO()
    table.add_row(FORGED)
    Console(file=page, width=80).print(table)
    assert "\x1b" not in page.getvalue()
    assert "\\x1b[2K" in page.getvalue()


def test_a_pods_message_begins_no_line_of_its_own():
    waiting = {"reason": "CrashLoopBackOff", "message": "no\n\x1b[32m✔ auth-api ready"}
    pod = read_pod(
        {
            "metadata": {"name": "x"},
            "spec": {},
            "status": {"containerStatuses": [{"state": {"waiting": waiting}}]},
        }
    )
    assert pod.message == "no \\x1b[32m✔ auth-api ready"


def test_colours_of_the_cli_pass_and_nothing_else_of_it():
    stream = io.StringIO()
    pass_on("\x1b[31merror\x1b[0m \x1b[2J\n", stream)
    assert stream.getvalue() == "\x1b[31merror\x1b[0m \\x1b[2J\n"


@given(ANY)
def test_nothing_hidden_is_left_in_a_line(text):
    import unicodedata  # noqa: PLC0415

    assert not any(unicodedata.category(sign) in HIDDEN for sign in one_line(text) if sign != "\t")


LOG = [
    ("::error::x", ": :error::x"),
    ("  ::add-mask::x\n\t::stop-commands::y", "  : :add-mask::x\n\t: :stop-commands::y"),
    ("\x1b[31m::error::x", "\x1b[31m: :error::x"),
    ("a ##[add-mask]b", "a # #[add-mask]b"),
    ("a::b", "a::b"),
]


@pytest.mark.parametrize(("text", "told"), LOG)
def test_no_line_of_a_log_is_a_command(text, told):
    assert inert(text) == told


@given(st.text(st.sampled_from(":#[ \n\t\rerror"), max_size=30))
def test_whatever_is_logged_is_no_command(text):
    lines = inert(visible(text)).splitlines()
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in lines)


def test_a_workflow_log_gets_no_command_from_a_key(tmp_path):
    (tmp_path / "services.yaml").write_text('"\\n::error::forged": x\n"##[add-mask]a": 1\n')
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "outputs.json").write_text("{}")
    done = eco2("plan", "--stack", "dev", "--outputs", "outputs.json", folder=tmp_path, GITHUB_ACTIONS="true")
    assert done.returncode == 3, done.stderr
    assert "::error::forged" in done.stderr
    assert not re.search(r"(?m)^\s*::|##\[", done.stdout + done.stderr)


MARKDOWN = [
    ("# x", "\\#&#8203; x"),
    ("![p](https://x/y.png)", "!\\[p\\](https&#58;//x/y.png)"),
    ("<img src=x> &#64;me @team", "\\<img src=x\\> &amp;\\#&#8203;64;me @&#8203;team"),
    ("www.x.org", "www&#46;x.org"),
    ("a\n\n# b", "a \\#&#8203; b"),
    ("1. x", "1\\. x"),
    ("- x", "\\- x"),
    ("`a` *b* ~~c~~", "\\`a\\` \\*b\\* \\~\\~c\\~\\~"),
    ("plain words: 5 %", "plain words: 5 %"),
]


@pytest.mark.parametrize(("text", "told"), MARKDOWN)
def test_text_in_a_comment_stays_text(text, told):
    assert prose(text) == told


def test_a_key_stays_in_its_letters():
    assert code("a`b") == "``a`b``"
    assert code("`") == "`` ` ``"
    assert block("a\n```\nb", "sh") == "````sh\na\n```\nb\n````"
    page = markdown_of_problems("dev", [Problem("f.yaml", "x`\n# y ![z](http://z)", "::error:: <b>")])
    assert "``f.yaml: x` # y ![z](http://z)``" in page
    assert page.count("\n") == 5


@given(ANY)
def test_whatever_a_comment_holds_is_one_line_and_no_markdown(text):
    told = prose(text)
    assert "\n" not in told
    assert not re.search(
        r"(?<!\\)[<>`*_\[\]~$]|@(?!&#8203;)|://|&(?!amp;|#8203;|#58;|#46;)", told.replace("\\\\", "")
    )
    fence = re.match("`+", code(text))
    assert fence
    assert "`" * len(fence[0]) not in code(text)[len(fence[0]) : -len(fence[0])]


# What may go wrong on the way.


def eco2(*arguments, folder=ROOT, **variables):
    command = [sys.executable, "-c", "from eco2.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True, env=environment)


@pytest.mark.parametrize("output", [[], ["--markdown"], ["--json"]])
def test_a_terminal_that_knows_ascii_alone_shows_question_marks(tmp_path, output):
    (tmp_path / "outputs.json").write_text("{}")
    done = eco2(
        *("plan", "--stack", "local", "--outputs", str(tmp_path / "outputs.json"), *output),
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode in (0, 3)
    assert "Error" not in done.stderr
    assert done.stdout


def test_an_error_reaches_a_terminal_that_knows_ascii_alone():
    done = eco2("plan", "--stack", "dév", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 2
    assert "no stack's own name" in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", [("plan", "--outputs", "-"), ("plan", "--outputs", "-", "--markdown")])
def test_a_full_disk_under_the_output_is_told_in_words(command):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", "from eco2.cli import main; main()", *command, "--stack", "dev"],
            cwd=ROOT,
            input="{}",
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"

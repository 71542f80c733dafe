"""Changes of a stack's file: exactly the wished one, and no other byte."""

from __future__ import annotations

import copy
import difflib
import random
from dataclasses import dataclass

import pytest
import yaml

from eco2.stack.file import read_text, set_phase_off, write_text
from eco2.yaml_text import Edit, edited
from rollout.problems import ConfigError
from tests.conftest import ROOT

ROLLOUTS = ("config", "eco2:rollouts")
SERVICES = ("config", "eco2:services")
DIGEST = "sha256:" + "0a" * 32


def put(text, *path, value):
    return edited(text, [Edit(path, value)], "Pulumi.dev.yaml")


def differences(before, after):
    """Lines that went and came, with their breaks."""
    lines = list(difflib.ndiff(before.splitlines(True), after.splitlines(True)))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


# ---- single cases, in the files that ship and in such as people write


def test_the_first_rollout_gets_a_line_of_its_own():
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    entry = (*ROLLOUTS, "auth-api")
    edits = [Edit((*entry, "phase"), 1), Edit((*entry, "canary", "tag"), "auth-api-0.8.0")]
    assert differences(text, edited(text, edits, "f")) == (
        ["  eco2:rollouts: {}\n"],
        ["  eco2:rollouts:\n", "    auth-api: {phase: 1, canary: {tag: auth-api-0.8.0}}\n"],
    )


def test_another_rollout_comes_below_the_last():
    text = (ROOT / "Pulumi.local.yaml").read_text()
    after = put(text, *ROLLOUTS, "my-api", "phase", value=1)
    assert differences(text, after) == ([], ["    my-api: {phase: 1}\n"])
    assert "    scan-api: {phase: 1}\n    my-api: {phase: 1}\n  # A newcomer's" in after


def test_anchors_stay():
    size = "{requests: {cpu: 200m, memory: 512Mi}, limits: {cpu: 500m, memory: 1Gi}}"
    first, *others = (ROOT / "Pulumi.prod.yaml").read_text().split(size)
    text = f"{first}&prod {size}{'*prod'.join(others)}"
    assert differences(text, put(text, *SERVICES, "auth-api", "image", "digest", value=DIGEST)) == (
        ["      image: {tag: auth-api-0.7.5-b659ed}\n"],
        [f"      image: {{tag: auth-api-0.7.5-b659ed, digest: {DIGEST}}}\n"],
    )
    assert differences(text, put(text, *SERVICES, "scan-api", "image", "tag", value="scan-api-1"))[1] == [
        "    scan-api: {resources: *prod, autoscaler: {min: 2, max: 5}, image: {tag: scan-api-1}}\n"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Where there is nothing yet.
        ("config:\n  a: 1\n", "config:\n  a: 1\n  eco2:rollouts:\n    x: {phase: 2}\n"),
        ("config:\n  a: 1", "config:\n  a: 1\n  eco2:rollouts:\n    x: {phase: 2}"),
        ("config:\r\n   a: 1\r\n", "config:\r\n   a: 1\r\n   eco2:rollouts:\r\n      x: {phase: 2}\r\n"),
        ("name: n\n", "name: n\nconfig:\n  eco2:rollouts:\n    x: {phase: 2}\n"),
        ("config: {a: 1}\n", "config: {a: 1, eco2:rollouts: {x: {phase: 2}}}\n"),
        ("config: {}  # c\n", "config:  # c\n  eco2:rollouts:\n    x: {phase: 2}\n"),
        ("config:\n  eco2:rollouts:\n", "config:\n  eco2:rollouts:\n    x: {phase: 2}\n"),
        ("config:\n  eco2:rollouts: ~ # c\n", "config:\n  eco2:rollouts: # c\n    x: {phase: 2}\n"),
        ("config:\n  eco2:rollouts: {x: }\n", "config:\n  eco2:rollouts: {x: {phase: 2} }\n"),
        ("config:\n  eco2:rollouts: {x: {}}\n", "config:\n  eco2:rollouts: {x: {phase: 2}}\n"),
        ("config:\n  eco2:rollouts:\n    x: {}\n", "config:\n  eco2:rollouts:\n    x: {phase: 2}\n"),
        ("config:\n  eco2:rollouts:\n    x:\n", "config:\n  eco2:rollouts:\n    x: {phase: 2}\n"),
        # Where other keys stand.
        ("config:\n  eco2:rollouts: {y: {phase: 1}}\n", "config:\n  eco2:rollouts: {y: {phase: 1}, x: {phase: 2}}\n"),
        ("config:\n  eco2:rollouts: {x: {weight: 1,}}\n", "config:\n  eco2:rollouts: {x: {weight: 1, phase: 2,}}\n"),
        (
            "config:\n  eco2:rollouts:\n    x:\n        weight: 1  # w\n    # end\n",
            "config:\n  eco2:rollouts:\n    x:\n        weight: 1  # w\n        phase: 2\n    # end\n",
        ),
        ("config:\n  eco2:rollouts:\n    x: {a: *p}\n  p: &p 1\n", None),
        ("config:\n  p: &p 1\n  eco2:rollouts:\n    x: {a: *p}\n", "config:\n  p: &p 1\n  eco2:rollouts:\n    x: {a: *p, phase: 2}\n"),
        # Where it stands already.
        ("config:\n  eco2:rollouts: {x: {phase: 1}}\n", "config:\n  eco2:rollouts: {x: {phase: 2}}\n"),
        ("config:\n  eco2:rollouts: {x: {phase:   1 }}\n", "config:\n  eco2:rollouts: {x: {phase:   2 }}\n"),
        ("config:\n  eco2:rollouts: {x: {phase: &p 1}}\n", "config:\n  eco2:rollouts: {x: {phase: &p 2}}\n"),
        ("config:\n  eco2:rollouts:\n    x:\n      phase:\n", "config:\n  eco2:rollouts:\n    x:\n      phase: 2\n"),
        ('{"config": {"eco2:rollouts": {"x": {"phase":1}}}}\n', '{"config": {"eco2:rollouts": {"x": {"phase": 2}}}}\n'),
        ("config:\n  eco2:rollouts: {x: {<<: {phase: 1}}}\n", "config:\n  eco2:rollouts: {x: {<<: {phase: 1}, phase: 2}}\n"),
        ("\ufeffconfig:\n  a: 1\n", "\ufeffconfig:\n  a: 1\n  eco2:rollouts:\n    x: {phase: 2}\n"),
    ],
)  # fmt: skip
def test_a_phase_is_set_wherever_it_may_stand(before, after):
    if after is None:
        with pytest.raises(ConfigError, match="not valid YAML"):
            put(before, *ROLLOUTS, "x", "phase", value=2)
    else:
        assert put(before, *ROLLOUTS, "x", "phase", value=2) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("c: {a: 1, k: 2, b: 3}\n", "c: {a: 1, b: 3}\n"),
        ("c: {a: 1, k: 2}\n", "c: {a: 1}\n"),
        ("c: {k: 2, b: 3}\n", "c: {b: 3}\n"),
        ("c: {k: 2}\n", "c: {}\n"),
        ("c: {k: 2,}\n", "c: {}\n"),
        ("c: {a: 1,k: {x: [1, 2]},b: 3}\n", "c: {a: 1,b: 3}\n"),
        ("c: {a: 1, # a\n  k: 2 # k\n }\n", "c: {a: 1 # a\n  # k\n }\n"),
        ("c: {a: 1, # a\n  k: 2, # k\n  b: 3}\n", "c: {a: 1, # a\n  # k\n  b: 3}\n"),
        ("c: {a: 1,\n  k: 2,\n  b: 3}\n", "c: {a: 1,\n  b: 3}\n"),
        ("c: {k: 1, # k\n  b: 3}\n", "c: { # k\n  b: 3}\n"),
        ("c:\n  a: 1\n  k: 2 # k\n  # b\n  b: 3\n", "c:\n  a: 1\n  # b\n  b: 3\n"),
        ("c:\n  a: 1\n  k:\n    x: 2\n    # y\n    y: 3\n", "c:\n  a: 1\n"),
        ("c:\r\n  a: 1\r\n  k: 2", "c:\r\n  a: 1\r\n"),
        ("c: # c\n  k: 2\nd: 1\n", "c: {} # c\nd: 1\n"),
        ("c: {a: 1}\n", "c: {a: 1}\n"),
        ("c: 1\n", "c: 1\n"),
        ("d: 1\n", "d: 1\n"),
    ],
)
def test_a_key_is_removed_with_its_line_or_its_comma(before, after):
    assert put(before, "c", "k", value=None) == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("config:\n  eco2:rollouts: {y: &y {phase: 1}, x: *y}\n", "stands behind an alias"),
        ("config:\n  eco2:rollouts: {x: &y {phase: 1}, y: *y}\n", "an anchor or a merged mapping gets in the way"),
        ("config:\n  d: &d {x: {weight: 1}}\n  eco2:rollouts: {<<: *d}\n", "a merged mapping gets in the way"),
        ("config:\n  eco2:rollouts: {x: {phase: 1, phase: 1}}\n", "stands there twice"),
        ("config:\n  eco2:rollouts: {x: {phase: [1]}}\n", "not one value"),
        ("config:\n  eco2:rollouts: {x: 1}\n", "x holds no keys"),
        ("config:\n  eco2:rollouts: [x]\n", "holds no keys"),
        ("config: [\n", "not valid YAML: line 2"),
        ("a: 1\n---\nconfig: {}\n", "not valid YAML"),
        ("", "holds no keys"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_safely_is_refused_in_words(text, reason):
    with pytest.raises(ConfigError, match=reason) as refused:
        put(text, *ROLLOUTS, "x", "phase", value=2)
    assert "nothing was changed" in str(refused.value)
    assert "Pulumi.dev.yaml" in str(refused.value)


@pytest.mark.parametrize(
    "value", ["0123", "7e3", "1.10", "0x1f", "yes", "null", "2024-01-01", "a: b", "#x", 'q"', "é"]
)
def test_text_that_could_be_read_as_something_else_is_quoted(value):
    assert put("config: {}\n", "config", "tag", value=value).startswith('config:\n  tag: "')
    assert (
        yaml.safe_load(put("config:\n  tag: 'old'\n", "config", "tag", value=value))["config"]["tag"] == value
    )


def test_quotes_stay_as_they_were():
    text = "config:\n  a: 'old'\n  b: \"old\"\n  c: old\n"
    for key in "abc":
        text = put(text, "config", key, value="new")
    assert text == "config:\n  a: 'new'\n  b: \"new\"\n  c: new\n"


# ---- the file itself


def test_an_abort_sets_a_phase_that_is_there_and_adds_none(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_bytes(
        b"config:\r\n  eco2:rollouts:\r\n    a: {phase: 3, weight: 10} # a\r\n    b: {phase: 0}\r\n"
    )
    assert set_phase_off(file, "a")
    assert file.read_bytes().splitlines(keepends=True)[2] == b"    a: {phase: 0} # a\r\n"
    assert not set_phase_off(file, "a")
    assert not set_phase_off(file, "b")
    assert not set_phase_off(file, "c")


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("a: 1\n")
    file.chmod(0o640)
    write_text(file, "a: 2\r\n")
    assert file.read_bytes() == b"a: 2\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "f").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_text(tmp_path / "f")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_text(tmp_path / "g")


# ---- any edit in any file


@dataclass
class Writer:
    """Writes a stack file as some person might have."""

    dice: random.Random

    def file(self):
        self.step = self.dice.choice((2, 2, 3, 4))
        lines = [*self.comments(0), "config:", *self.comments(1)]
        parts = [
            [f"{self.indent(1)}eco2:host:   api.example.org  # the host"],
            [f"{self.indent(1)}long: 'a text that is", "", f"{self.indent(3)}folded, and # no comment'"],
            [f"{self.indent(1)}block: |-", f"{self.indent(3)}# no comment", f"{self.indent(3)}a: b", ""],
            [f"{self.indent(1)}defaults: &defaults {{cpu: 0x10, memory: 1.50, none: ~ }}"],
            [f"{self.indent(1)}list:", f"{self.indent(1)}- a", f"{self.indent(1)}-   {{b: 1}}"],
            self.mapping("eco2:services", {"image": ("tag", "digest", "revision")}),
            self.mapping("eco2:rollouts", {"canary": ("tag", "digest", "revision")}, ("phase", "weight")),
        ]
        self.dice.shuffle(parts)
        parts.sort(key=lambda part: "&defaults" not in part[0])  # an anchor stands before its aliases
        for part in parts:
            lines += part + self.comments(self.dice.choice((0, 1, 2)))
        text = "\n".join(lines) + self.dice.choice(("\n", "\n", ""))
        return text.replace("\n", "\r\n") if self.dice.random() < 0.3 else text

    def mapping(self, key, nested, own=()):
        head = f"{self.indent(1)}{key}:"
        kind = self.dice.choice(("missing", "empty", "null", "flow", "block", "block", "block"))
        if kind == "missing":
            return [f"{self.indent(1)}other: 1"]
        if kind == "empty":
            return [head + self.dice.choice((" {}", " { }", "   {}  # none"))]
        if kind == "null":
            return [head + self.dice.choice(("", " ", " ~", " null", "  # none"))]
        names = self.dice.sample(("auth-api", "scan-api", "my-api"), self.dice.randint(1, 3))
        if kind == "flow":
            return [f"{head} {{" + ", ".join(f"{name}: {self.flow(nested, own)}" for name in names) + "}"]
        lines = [head + self.dice.choice(("", "  # all of them"))]
        for name in names:
            lines += self.comments(2)
            if self.dice.random() < 0.5:
                lines.append(
                    f"{self.indent(2)}{name}: {self.flow(nested, own)}" + self.dice.choice(("", "   # c"))
                )
            else:
                lines += [f"{self.indent(2)}{name}:", *self.block(nested, own)]
        return lines

    def flow(self, nested, own):
        entries = [f"{key}: {self.value(key)}" for key in own if self.dice.random() < 0.7]
        for key, inner in nested.items():
            chosen = [f"{one}: {self.value(one)}" for one in inner if self.dice.random() < 0.6]
            if self.dice.random() < 0.7:
                entries.append(f"{key}: {{{self.dice.choice((', ', ',  ')).join(chosen)}}}")
        if self.dice.random() < 0.2:
            entries.append("resources: *defaults")
        self.dice.shuffle(entries)
        if entries and self.dice.random() < 0.25:
            between = f",  # why\n{self.indent(4)}"
            return "{" + between.join(entries) + self.dice.choice(("", ",")) + f" # last\n{self.indent(3)}}}"
        spaces = self.dice.choice(("", "", " "))
        return "{" + spaces + ", ".join(entries) + spaces + "}"

    def block(self, nested, own):
        parts = [[f"{self.indent(3)}{key}: {self.value(key)}"] for key in own if self.dice.random() < 0.7]
        for key, inner in nested.items():
            chosen = [
                f"{self.indent(4)}{one}:  {self.value(one)}" for one in inner if self.dice.random() < 0.6
            ]
            if chosen:
                parts.append([f"{self.indent(3)}{key}:", *chosen])
        parts.append([f"{self.indent(3)}resources: *defaults"])
        self.dice.shuffle(parts)
        return [line for part in parts for line in [*self.comments(3), *part]]

    def value(self, key):
        if key in ("phase", "weight"):
            return str(self.dice.randint(0, 5))
        return self.dice.choice(("plain-1", "'single'", '"double"', '"0123"'))

    def comments(self, level):
        return [f"{self.indent(level)}# note {self.dice.randint(0, 999)}"] * (self.dice.random() < 0.3)

    def indent(self, level):
        return " " * (self.step * level)

    def edit(self):
        service = self.dice.choice(("auth-api", "scan-api", "my-api", "image-api"))
        root, *keys = self.dice.choice(
            [("eco2:rollouts", "phase"), ("eco2:rollouts", "weight")]
            + [("eco2:rollouts", "canary", key) for key in ("tag", "digest", "revision")]
            + [("eco2:services", "image", key) for key in ("tag", "digest", "revision")]
        )
        number = keys[0] in ("phase", "weight")
        value = self.dice.choice((None, None, 6, 0) if number else (None, None, "new-1", DIGEST, "0099"))
        return Edit(("config", root, service, *keys), value)


def wished(text, edit):
    document = copy.deepcopy(yaml.safe_load(text))
    # Aliases are one object when loaded; dumped without them, each is one of its own.
    document = yaml.safe_load(Unshared.dump_(document))
    place = document
    for key in edit.path[:-1]:
        if edit.value is None and not place.get(key):
            return document
        place[key] = place.get(key) or {}
        place = place[key]
    if edit.value is None:
        place.pop(edit.path[-1], None)
    else:
        place[edit.path[-1]] = edit.value
    return document


class Unshared(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True

    @classmethod
    def dump_(cls, document):
        return yaml.dump(document, Dumper=cls)


@pytest.mark.parametrize("seed", range(250))
def test_a_random_edit_changes_its_own_lines_and_nothing_else(seed):
    writer = Writer(random.Random(seed))
    text, edit = writer.file(), writer.edit()
    after = edited(text, [edit], "Pulumi.dev.yaml")
    assert yaml.safe_load(after) == wished(text, edit)
    if yaml.safe_load(text) == wished(text, edit):
        assert after == text
    old, new = text.splitlines(True), after.splitlines(True)
    first = next(
        (at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    last = next(
        (
            at
            for at, (a, b) in enumerate(zip(reversed(old[first:]), reversed(new[first:]), strict=False))
            if a != b
        ),
        min(len(old), len(new)) - first,
    )
    went, came = old[first : len(old) - last], new[first : len(new) - last]
    assert len(went) <= 2, (went, came)
    assert len(came) <= 3, (went, came)
    if len(went) == 2:  # a comma before a comment, the owner of the last key, or the end of the file
        assert edit.value is None or not text.endswith("\n")
    # Comments stay, but for that of a line that was removed.
    kept = [line.partition("#")[2].strip() for line in went if "#" in line]
    assert all(comment in "".join(came) for comment in kept) or not came
    breaks = {line[len(line.rstrip("\r\n")) :] for line in new[:-1]}
    assert breaks == {"\r\n" if "\r\n" in text else "\n"}

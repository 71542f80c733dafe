"""The page of every key, `docs/config.md`: what the models accept, in words.

Types, defaults and bounds are those of the models' own JSON schema, meanings those of their
docstrings, examples those of the stack files, so the page cannot say anything else than the
program does. `make docs` writes it, and a test compares.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollout.problems import NAMESPACE
from rollout.spec.catalog import Catalog
from rollout.spec.keys import REQUIRED_ELSEWHERE
from rollout.spec.model import Strict
from rollout.spec.patterns import FORMS
from rollout.spec.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

STACKS = ("dev", "prod", "local")
EXAMPLE_LINES = 5
INTRODUCTION = """\
# Every key

Written by `make docs` from the models in `rollout/`; change those, not this page.
Keys are camelCase. An unknown key is refused, and so is a value of another type: `phase: "3"` is no number.
All mistakes of a file are told at once, each with its file and key, before anything is changed.

- [The stack's file](#the-stacks-file), `Pulumi.<stack>.yaml`: what differs by environment, and the rollouts.
- [The catalog](#the-catalog), `services.yaml`: what the services are, in every environment.
"""


@dataclass(frozen=True)
class Section:
    """A table of the page.

    Attributes:
        title: Where the model stands in its file (`eco2:nodeGroups.NAME`).
        model: The model.
    """

    title: str
    model: type[Strict]

    @property
    def anchor(self) -> str:
        """What GitHub makes of the title."""
        return re.sub(r"[^a-z0-9 -]", "", self.title.lower()).replace(" ", "-")


def reference(project: Path) -> str:
    """The whole page.

    Args:
        project: The folder with the stack files that examples are taken from.
    """
    stack = _chapter(Settings, f"{NAMESPACE}:", "`eco2:` keys", project)
    catalog = _chapter(Catalog, "", "`services.yaml`", project)
    elsewhere = [
        f"| `{key}` | {FORMS[form]} | required | {why[0].upper()}{why[1:]}. |"
        for key, (form, why) in REQUIRED_ELSEWHERE.items()
    ]
    head = ["## The stack's file", "", *_header(), *elsewhere, ""]
    return "\n".join([INTRODUCTION, *head, *stack, "## The catalog", "", *catalog]).rstrip() + "\n"


def _chapter(root: type[Strict], prefix: str, title: str, project: Path) -> list[str]:
    """The tables of a model and of every model inside it."""
    schema = root.model_json_schema(by_alias=True)
    models = {model.__name__: model for model in _models(root)}
    sections = {root.__name__: Section(title, root)}
    order = [root.__name__]
    for name in order:  # grows while it is walked
        inner = schema if name == root.__name__ else schema["$defs"][name]
        own = "" if name == root.__name__ else f"{sections[name].title.strip('`')}."
        for key, described in inner["properties"].items():
            for found, suffix in _references(described):
                if found not in sections:
                    place = f"{own or prefix}{key}{suffix}"
                    sections[found] = Section(f"`{place}`", models[found])
                    order.append(found)
    lines = []
    for name in order:
        inner = schema if name == root.__name__ else schema["$defs"][name]
        lines += [f"### {sections[name].title}", "", _summary(models[name]), "", *_header()]
        meanings = attributes(models[name])
        fields = {info.alias or field: field for field, info in models[name].model_fields.items()}
        for key, described in inner["properties"].items():
            kind = _kind(described, sections)
            default = "required" if key in inner.get("required", ()) else _value(described.get("default"))
            shown = f"{prefix}{key}" if name == root.__name__ else key
            lines.append(f"| `{shown}` | {kind} | {default} | {meanings.get(fields[key], '')} |")
        lines.append("")
        if name == root.__name__ and prefix:
            lines += _examples(project, (f"{prefix}{key}" for key in inner["properties"]))
    return lines


def _header() -> list[str]:
    return ["| key | type | default | meaning |", "|---|---|---|---|"]


def _models(root: type[Strict]) -> Iterator[type[Strict]]:
    """Every model of the project; a schema's definitions are among them, by name."""
    yield root
    waiting = list(Strict.__subclasses__())
    while waiting:
        model = waiting.pop()
        yield model
        waiting += model.__subclasses__()


def _summary(model: type[Strict]) -> str:
    """The docstring's text before its sections, on one line."""
    text = inspect.getdoc(model) or ""
    return " ".join(re.split(r"\n\n?(?:Attributes|Args|Raises):", text)[0].split())


def attributes(model: type[Strict]) -> dict[str, str]:
    """The meanings of a model's fields, from its own docstring and those of the models it extends."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, Strict):
            continue
        _, _, section = (inspect.getdoc(base) or "").partition("Attributes:\n")
        name = ""
        for line in section.splitlines():
            entry = re.match(r" {4}(\w+): (.*)", line)
            if entry:
                name = entry[1]
                found[name] = entry[2]
            elif line.startswith(" " * 8) and name:
                found[name] += f" {line.strip()}"
    return found


def _references(described: dict[str, Any], suffix: str = "") -> Iterator[tuple[str, str]]:
    """The models that a property holds, with what stands after its key: `.NAME` in a map, `[]` in a list."""
    if "$ref" in described:
        yield described["$ref"].rsplit("/", 1)[1], suffix
    for one in (*described.get("anyOf", ()), *described.get("allOf", ())):
        yield from _references(one, suffix)
    if (values := _map_values(described)) is not None:
        yield from _references(values, f"{suffix}.NAME")
    if "items" in described:
        yield from _references(described["items"], f"{suffix}[]")


def _map_values(described: dict[str, Any]) -> dict[str, Any] | None:
    """What the values of a map are; None if this is no map."""
    values = described.get("additionalProperties") or next(
        iter(described.get("patternProperties", {}).values()), None
    )
    return values if isinstance(values, dict) else None


def _kind(described: dict[str, Any], sections: dict[str, Section]) -> str:
    """A property's type and bounds in words."""
    kind = described.get("type")
    if "$ref" in described:
        section = sections[described["$ref"].rsplit("/", 1)[1]]
        words = f"[{section.title}](#{section.anchor})"
    elif "anyOf" in described:
        parts = [_kind(one, sections) for one in described["anyOf"] if one.get("type") != "null"]
        words = " or ".join(dict.fromkeys(parts))
    elif "enum" in described or "const" in described:
        words = ", ".join(_value(one) for one in described.get("enum", [described.get("const")]))
    elif kind == "array":
        at_least = ", at least one" if described.get("minItems") else ""
        words = f"list of {_kind(described['items'], sections)}{at_least}"
    elif kind == "object":
        words = f"map of names to {_kind(_map_values(described) or {}, sections)}"
    else:
        words = _number(described) if kind in ("integer", "number") else _text(described)
    return words


def _text(described: dict[str, Any]) -> str:
    if "pattern" in described:
        return FORMS[described["pattern"]]
    if "maxLength" in described:
        return f"text of {described.get('minLength', 0)} to {described['maxLength']} characters"
    return {"string": "text", "boolean": "true or false"}[described["type"]]


def _number(described: dict[str, Any]) -> str:
    low, high = described.get("minimum"), described.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is None:
        return "whole number" if described["type"] == "integer" else "number"
    return f"{low} or more"


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        given = {key: one for key, one in value.items() if one not in (None, [], {})}
        return "`{" + ", ".join(f"{key}: {one}" for key, one in given.items()) + "}`"
    if isinstance(value, list | tuple):
        return "`[" + ", ".join(map(str, value)) + "]`"
    return f"`{value}`"


def _examples(project: Path, keys: Iterator[str]) -> list[str]:
    """What the stack files say of each key; the first file that says something of it."""
    texts = {
        f"Pulumi.{stack}.yaml": (project / f"Pulumi.{stack}.yaml").read_text("utf-8") for stack in STACKS
    }
    lines = ["As the stack files have it:", "", "```yaml"]
    for key in keys:
        for file, text in texts.items():
            found = re.search(rf"(?m)^  {re.escape(key)}:(?! {{}}).*\n(?:    .*\n)*", text)
            if found:
                block = found[0].rstrip("\n").splitlines()
                more = ["    # ..."] if len(block) > EXAMPLE_LINES else []
                lines += [f"  # {file}", *block[:EXAMPLE_LINES], *more]
                break
    return [*lines, "```", ""]


def main() -> None:
    """Writes the page into the project of the working directory."""
    page = Path("docs/config.md")
    page.write_text(reference(Path.cwd()), "utf-8")
    sys.stdout.write(f"{page}\n")


if __name__ == "__main__":
    main()

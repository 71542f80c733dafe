"""What is wrong with a file, in words that name the place and the way on.

Everything that reads input collects `Problem`s and raises them together as one
`ConfigError`, so that a person mends a file once and not error by error.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rollout.forms import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails, PydanticCustomError

NAMESPACE: Final = "eco2"
"""What stands before the keys of a stack that are ours."""

WRONG_VALUE: Final = "wrong_value"
EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "string_type": "text (put it in quotes)",
    "tuple_type": "a list",
}
"""What pydantic's errors about types ask for."""

SHOWN_LENGTH = 60
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True)
class Problem:
    """One mistake.

    Attributes:
        file: The file to open, as the user knows it (`Pulumi.dev.yaml`).
        key: The full path of the key inside the file; empty for the file as a whole.
        reason: What is wrong and what to do.
    """

    file: str
    key: str
    reason: str

    def __str__(self) -> str:
        """One line: file, key, reason."""
        return ": ".join(part for part in (self.file, self.key, self.reason) if part)


class ConfigError(Exception):
    """Input that cannot be used; `problems` holds every mistake that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem, nothing was changed:" if count == 1 else f"{count} problems, nothing was changed:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def key_path(parts: Sequence[str | int]) -> str:
    """Joins the parts of a key as `pulumi config set --path` takes them.

    Args:
        parts: Names and list positions, outermost first.

    Returns:
        `services.auth-api.ports[0].port`; a name with a dot is quoted: `hosts["a.b"]`.
    """
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif "." in part:
            path += f'["{part}"]'
        else:
            path += f".{part}" if path and not path.endswith(":") else part
    return path


def suggestion(word: str, known: Iterable[str]) -> str:
    """Returns the known words, the nearest one first as a question."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    listed = f"known: {', '.join(names)}" if names else "none is known here"
    return f"did you mean {near[0]}? ({listed})" if near else listed


def from_pydantic(
    file: str, root: str, model: type[BaseModel], errors: Iterable[ErrorDetails], data: Any
) -> list[Problem]:
    """Turns pydantic's findings into problems.

    Args:
        file: The file that was read.
        root: What stands before every key (`eco2:`).
        model: The model that was validated, to name the keys it knows.
        errors: `ValidationError.errors()`.
        data: What was validated, to tell keys from what pydantic adds to their path.

    Returns:
        One problem for each finding, in pydantic's order; the branches of a union that
        speak of the same place are merged into one.
    """
    merged: dict[str, list[str]] = {}
    for error in errors:
        context = error.get("ctx", {})
        place = _place(error, data)
        place += tuple(part for part in (context.get("key"),) if part)
        if error["type"] == "extra_forbidden":
            reason = f"unknown key; {suggestion(str(place[-1]), _known_keys(model, place[:-1]))}"
        else:
            reason = _reason(error, context)
        reasons = merged.setdefault(root + key_path(place), [])
        if reason not in reasons:
            reasons.append(reason)
    return [Problem(file, key.rstrip(":."), "; or ".join(reasons)) for key, reasons in merged.items()]


def _place(error: ErrorDetails, data: Any) -> tuple[str | int, ...]:
    """The keys on the way to an error: pydantic adds names of a union's branches and of wrappers."""
    place: list[str | int] = []
    node: Any = data
    for part in error["loc"]:
        listed = isinstance(node, (list, tuple)) and isinstance(part, int) and part < len(node)
        if listed or (isinstance(node, dict) and part in node):
            node = node[part]
        elif error["type"] != "missing" or part != error["loc"][-1]:
            continue
        place.append(part)
    return tuple(place)


def _reason(error: ErrorDetails, context: dict[str, Any]) -> str:
    """What is wrong, for a person who knows YAML and not pydantic."""
    kind, given = error["type"], error["input"]
    if kind == "missing":
        return "missing; this key is required"
    if kind in (WRONG_VALUE, "value_error"):
        return str(context.get("reason") or context["error"])
    if kind == "string_pattern_mismatch":
        form = FORMS.get(context["pattern"], f"the pattern {context['pattern']}")
        return f"must have the form of {form}, not {_shown(given)}"
    expected = EXPECTED.get(kind)
    if expected is None:
        return f"{error['msg'][:1].lower()}{error['msg'][1:]}, not {_shown(given)}"
    text = "the text " if isinstance(given, str) else ""
    return f"must be {expected}, not {text}{_shown(given)}"


def wrong(key: str, reason: str) -> PydanticCustomError:
    """An error of a validator that looks at several keys, put at the one to change."""
    # Every command names ConfigError, and need not wait for pydantic.
    from pydantic_core import PydanticCustomError  # noqa: PLC0415

    return PydanticCustomError(WRONG_VALUE, "{reason}", {"key": key, "reason": reason})


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def _known_keys(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Follows a path through nested models; empty where it leaves them."""
    current: Any = model
    for part in place:
        fields = current.model_fields if _is_model(current) else {}
        field = next((info for name, info in fields.items() if part in (name, info.alias)), None)
        if field is not None:
            current = field.annotation
        current = next((kind for kind in _models_in(current)), current)
    return [info.alias or name for name, info in current.model_fields.items()] if _is_model(current) else []


def _is_model(kind: Any) -> bool:
    from pydantic import BaseModel  # noqa: PLC0415

    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if _is_model(annotation):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found += _models_in(argument)
    return found

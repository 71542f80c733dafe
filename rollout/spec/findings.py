"""What pydantic finds, as problems that name the key and say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from rollout.problems import Problem, key_path, suggestion
from rollout.spec.patterns import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

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

RENAMED: Final = {"drainSeconds": "routePropagationSeconds"}
"""Keys that had another name before, and the one that they have now."""

SHOWN_LENGTH = 60
"""Characters of a wrong value that an error repeats."""


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
        place += tuple(filter(None, str(context.get("key") or "").split(".")))
        if error["type"] == "extra_forbidden":
            reason = _unknown(str(place[-1]), _known_keys(model, place[:-1]))
        else:
            reason = _reason(error, context)
        reasons = merged.setdefault(root + key_path(place), [])
        if reason not in reasons:
            reasons.append(reason)
    return [Problem(file, key.rstrip(":."), "; or ".join(reasons)) for key, reasons in merged.items()]


def _unknown(key: str, known: Sequence[str]) -> str:
    if (now := RENAMED.get(key)) in known:
        return f"is called {now} now; rename it"
    return f"unknown key; {suggestion(key, known)}"


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
    """An error of a validator that looks at several keys, put at the one to change: `phase`, `services.my-api`."""
    return PydanticCustomError(WRONG_VALUE, "{reason}", {"key": key, "reason": reason})


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
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
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if _is_model(annotation):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found += _models_in(argument)
    return found

"""What readers of YAML make of a scalar without quotes.

PyYAML reads YAML 1.1 in its own way; Pulumi's engine reads the same file by Go's yaml.v3, which is in between
(go-yaml/yaml v3 `resolve.go`); YAML 1.2 has a core schema of its own. Where they differ, a number or a word
of the file is one thing in the plan and another in the update.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final

import yaml

NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
TRUE: Final = frozenset(("true", "True", "TRUE"))
FALSE: Final = frozenset(("false", "False", "FALSE"))
INFINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)")
NO_NUMBER: Final = re.compile(r"\.(nan|NaN|NAN)")
GO_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
GO_INTEGER: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)")
GO_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9:.]+(Z|[-+][0-9:]+)?)?")
CORE_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
CORE_OTHER_INTEGER: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
LARGEST_INTEGER: Final = 2**64
FIRST: Final = frozenset("0123456789+-.~yYnNtTfFoO")
"""How a scalar begins that is not text for every reader (`resolve.go` has the same table)."""
LONGEST: Final = 100
"""Characters of a scalar that could be a number; text is longer."""

_RESOLVER: Final = yaml.resolver.Resolver()
_CONSTRUCTOR: Final = yaml.constructor.SafeConstructor()


def two_meanings(text: str) -> tuple[str, str] | None:
    """What two readers make of a scalar without quotes, in words; None where all read the same.

    Args:
        text: The scalar as it stands in the file.
    """
    if (
        not text
        or len(text) > LONGEST
        or text[0] not in FIRST
        or (text[0].isalpha() and len(text) > len("false"))
    ):
        return None
    read = [_pyyaml(text), _go(text), _core(text)]
    words = list(dict.fromkeys(_word(one) for one in read))
    return (words[0], words[1]) if len(words) > 1 else None


def _word(value: object) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    return f"the number {value!r}" if isinstance(value, (int, float)) else "a date"


def _pyyaml(text: str) -> object:
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # no stub
    try:
        return _CONSTRUCTOR.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        return "refused"


def _go(text: str) -> object:
    found = _word_in_every_reader(text)
    if found is not text:
        return found
    if GO_TIME.fullmatch(text):
        return dt.date.min
    if text.startswith("_"):
        return text
    plain = text if text.startswith(".") else text.replace("_", "")
    if GO_INTEGER.fullmatch(plain):
        digits = plain.lstrip("+-")
        octal = re.fullmatch(r"0[oO]?([0-7]+)", digits)
        number = int(octal[1], 8) if octal else int(digits, 0)
        if number < LARGEST_INTEGER:
            return -number if plain.startswith("-") else number
    real = float(plain) if GO_FLOAT.fullmatch(plain) else math.inf
    return text if math.isinf(real) else real


def _core(text: str) -> object:
    found = _word_in_every_reader(text)
    if found is not text:
        return found
    if CORE_INTEGER.fullmatch(text):
        return int(text)
    if CORE_OTHER_INTEGER.fullmatch(text):
        return int(text, 0)
    return float(text) if GO_FLOAT.fullmatch(text) else text


def _word_in_every_reader(text: str) -> object:
    if text in NULLS:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    if INFINITE.fullmatch(text) or NO_NUMBER.fullmatch(text):
        return float(text.replace(".", ""))
    return text

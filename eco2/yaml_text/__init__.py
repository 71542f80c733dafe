"""Setting and removing keys in a YAML text, with every byte outside the changed lines left alone.

A round trip through a library does not do that: ruamel.yaml rewrote indentation, the spaces around
values, folded strings and every CRLF of a file. So the text itself is changed, at places that the
parser names, and the result is believed only if it reads as the wished change and nothing else.
"""

from eco2.yaml_text.edits import Edit, edited

__all__ = ["Edit", "edited"]

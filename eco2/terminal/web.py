"""Where this repository's files are on the web, as far as a workflow's environment tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def root(environment: Mapping[str, str]) -> str:
    """What stands before a file's path to make a link of it that works from everywhere.

    A comment and a job's summary have addresses of their own, which a relative link would start from.

    Args:
        environment: The process's environment, which GitHub's and GitLab's runners fill.

    Returns:
        `https://github.com/OWNER/REPOSITORY/blob/HEAD/`; empty outside a workflow.
    """
    if repository := environment.get("GITHUB_REPOSITORY"):
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/blob/HEAD/"
    if project := environment.get("CI_PROJECT_URL"):
        return f"{project}/-/blob/HEAD/"
    return ""

"""Whether Dagster has loaded the project's code. Its web server answers either way and shows an error on its page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lakehouse.errors import CodeLocationError, ServiceError
from lakehouse.services.supervise.probes import get_json
from lakehouse.workspace import Workspace

_ANSWER_WITHIN_SECONDS = 60
# A reload imports the project and parses its dbt project.
_RELOADED_WITHIN_SECONDS = 180
_LINES = 3
_ERROR = "className message stack causes { className message stack }"
_QUERY = f"""{{ workspaceOrError {{ __typename
  ... on Workspace {{
    locationEntries {{ name locationOrLoadError {{ __typename ... on PythonError {{ {_ERROR} }} }} }}
  }}
  ... on PythonError {{ {_ERROR} }} }} }}"""
_RELOAD = "mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


def load_errors(url: str, project: Path, timeout: float = _ANSWER_WITHIN_SECONDS) -> dict[str, str]:
    """What kept each code location from loading, by its name; empty if all are loaded.

    Args:
        url: Of the Dagster web server.
        project: The project's folder: the error's place in it is named.
        timeout: Seconds to wait for the answer.

    Raises:
        ServiceError: the server does not answer.
    """
    answer = _ask(url, timeout, _QUERY)["workspaceOrError"]
    if "locationEntries" not in answer:
        return {"workspace": _told(answer, project)}
    entries = {entry["name"]: entry["locationOrLoadError"] for entry in answer["locationEntries"]}
    return {
        name: _told(entry, project) for name, entry in entries.items() if entry and entry["__typename"] == "PythonError"
    }


def need_code_location(workspace: Workspace, *, was_up: bool) -> None:
    """Go on only if Dagster has loaded the project.

    Args:
        workspace: The workspace, with Dagster up.
        was_up: Dagster runs for some time already: what it could not load then is loaded anew.

    Raises:
        CodeLocationError: it has not. Dagster stays up.
        ServiceError: it does not answer.
    """
    url, project = workspace.dagster_url, workspace.settings.project
    errors = load_errors(url, project)
    if errors and was_up:
        for name in errors:
            _ask(url, _RELOADED_WITHIN_SECONDS, _RELOAD, name=name)
        errors = load_errors(url, project)
    if errors:
        raise CodeLocationError(url, errors)


def _ask(url: str, timeout: float, query: str, **variables: str) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    answer = get_json(f"{url}/graphql", timeout, body=body)
    if "errors" in answer:
        raise ServiceError(f"Dagster at {url}: {answer['errors'][0]['message']}")
    return dict(answer["data"])


def _told(error: dict[str, Any], project: Path) -> str:
    """The first lines of the error that began it, and its last place in the project."""
    cause = ([error, *error["causes"]])[-1]
    lines = [line for line in cause["message"].strip().splitlines() if line.strip()]
    places = list(_places(cause["stack"], project))
    return "\n".join([*lines[:_LINES], *places[-1:]])


def _places(stack: list[str], project: Path) -> Iterator[str]:
    for frame in stack:
        match = _FRAME.search(frame)
        if match and Path(match["file"]).is_relative_to(project):
            yield f"at {Path(match['file']).relative_to(project)}, line {match['line']}"

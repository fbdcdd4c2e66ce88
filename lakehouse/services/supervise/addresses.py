"""Where services listen: chosen once and kept, so that one comes back with its address and its token."""

import json
import secrets
from pathlib import Path

from lakehouse.services.supervise import ports, supervisor
from lakehouse.services.supervise.spec import Address
from lakehouse.storage import write_private_json
from lakehouse.workspace import Workspace

_WITHOUT_PORT = frozenset({"daemon", "lease"})
_WITH_TOKEN = frozenset({"spark"})


def _file(workspace: Workspace) -> Path:
    return supervisor.folder(workspace) / "addresses.json"


def kept(workspace: Workspace) -> dict[str, Address]:
    """The addresses chosen so far, by service."""
    try:
        return {name: Address(**entry) for name, entry in json.loads(_file(workspace).read_text()).items()}
    except (FileNotFoundError, PermissionError):  # the latter: of a workspace that another user has started
        return {}


def choose(workspace: Workspace, names: list[str]) -> dict[str, Address]:
    """Addresses for services that are about to start: the kept ones where their ports are free, else new ones."""
    all_of_them = kept(workspace)
    for name in names:
        known = all_of_them.get(name)
        if name in _WITHOUT_PORT or (known and ports.is_free(known.port)):
            continue
        taken = {address.port for address in all_of_them.values()}
        # Who took the old port may have been sent the old token.
        token = secrets.token_hex(16) if name in _WITH_TOKEN else None
        all_of_them[name] = Address(ports.choose(taken), token)
    _keep(workspace, all_of_them)
    return {name: all_of_them[name] for name in names if name in all_of_them}


def _keep(workspace: Workspace, addresses: dict[str, Address]) -> None:
    file = _file(workspace)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private_json(file, {name: address.given() for name, address in addresses.items()})

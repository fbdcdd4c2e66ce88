"""All that is stored of a table, beside its own folder too: quarantine, keys of deleted rows, a decision left open."""

from lakehouse.declare.table import INTERNAL_LAYERS, LAYERS, deleted_of, quarantine_of
from lakehouse.write.intent import intent_place, set_aside_place


def places_of(name: str) -> tuple[str, ...]:
    """Where things of `layer.entities` can be, below the warehouse; its own folder is the first."""
    if name.partition(".")[0] in INTERNAL_LAYERS:
        return (_place(name),)
    beside = (_place(quarantine_of(name)), _place(deleted_of(name)))
    return (_place(name), *beside, intent_place(name), set_aside_place(name))


def owner_of(name: str) -> str | None:
    """The table that a quarantine, or a table of deleted keys, belongs to; None if it belongs to none.

    No layer has an underscore in its name, so the first one parts it from the entities.
    """
    for kind in (quarantine_of, deleted_of):
        for layer in LAYERS:
            start = kind(f"{layer}.")
            if name.startswith(start):
                return f"{layer}.{name.removeprefix(start)}"
    return None


def _place(name: str) -> str:
    return name.replace(".", "/")

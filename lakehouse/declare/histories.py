"""What a history adds to the columns of its table, and which histories cannot be."""

from collections.abc import Mapping

from lakehouse.declare.column import Column
from lakehouse.declare.names import IS_DELETED, SAME_AT
from lakehouse.declare.sql_text import quote_field
from lakehouse.declare.write_modes import Scd2
from lakehouse.errors import DeclarationError

# Types of which a run's beginning can be a value.
_OF_CLOCKS = ("timestamp", "timestamp_ntz", "date")
# A moment is noted as text; of these types each value is another text, or the text is long.
_NO_MOMENTS = ("binary", "array<", "map<", "struct<")


def columns_of_history(mode: Scd2, types: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns that a history adds to the declared ones, in their order.

    Args:
        mode: The write mode.
        types: Types of the batch's columns by name.
    """
    moment = types.get(mode.sequence[0], "timestamp") if mode.sequence else "timestamp"
    columns = (
        Column("_valid_from", moment, "Holds from here, inclusive: the sequence of this change", nullable=False),
        Column("_valid_to", moment, "Holds up to here, exclusive: the next change; null for the last"),
        Column("_is_current", "boolean", "Whether this is the last change and no deletion", nullable=False),
        Column(IS_DELETED, "boolean", "Whether this change deleted the key", nullable=False),
    )
    if not mode.joins_equal_states:
        return columns
    fields = ",".join(f"{quote_field(name)}:{types.get(name, 'timestamp')}" for name in mode.sequence)
    return (*columns, Column(SAME_AT, f"array<struct<{fields}>>", "The sequences of later changes that are equal"))


def check_history(name: str, mode: Scd2, types: Mapping[str, str]) -> None:
    """Whether a history can be as it is declared.

    Args:
        name: `layer.entities`.
        mode: Its write mode.
        types: Types of the batch's columns by name.

    Raises:
        DeclarationError: it cannot.
    """
    if not (mode.on and mode.sequence):
        raise DeclarationError(f"{name}: Scd2 needs `on` and `sequence`: the source must order its changes")
    if mode.may_be_empty and not mode.snapshot:
        raise DeclarationError(f"{name}: `may_be_empty` is for Scd2(snapshot=True); a batch of changes may be empty")
    if mode.snapshot:
        _check_snapshot(name, mode, types)


def _check_snapshot(name: str, mode: Scd2, types: Mapping[str, str]) -> None:
    if mode.delete_when or mode.signals:
        raise DeclarationError(
            f"{name}: Scd2(snapshot=True) has no `delete_when` and no `signals`: a snapshot deletes a key by leaving "
            f"it out. Filter such rows in the transform."
        )
    if not mode.keep_equal_states:
        raise DeclarationError(f"{name}: Scd2(snapshot=True) never keeps equal states, leave out `keep_equal_states`")
    for column in mode.sequence:
        if types[column].startswith(_NO_MOMENTS):
            raise DeclarationError(
                f"{name}: `{column}` is {types[column]}, and cannot be the moment of a snapshot. Expected a "
                f"timestamp, a date, a number or a string."
            )
    if mode.may_be_empty and (len(mode.sequence) > 1 or types[mode.sequence[0]] not in _OF_CLOCKS):
        raise DeclarationError(
            f"{name}: an empty snapshot has no row that says its moment, so its keys are deleted at the moment when "
            f"its run began: `may_be_empty` needs one `sequence` column of {', '.join(_OF_CLOCKS)}"
        )

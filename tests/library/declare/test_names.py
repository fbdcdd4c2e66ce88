"""No name that the library or the engine gives to a column can be declared, so none ever meets a project's own."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.names import IS_DELETED, OF_FILES, OF_HISTORIES, OF_QUARANTINES, OF_THE_ENGINE, SAME_AT, helper
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge, Overwrite, Scd2
from lakehouse.errors import DeclarationError
from lakehouse.schema.create import quarantine_columns
from lakehouse.sources.files import SOURCE_COLUMNS

LIBRARY = Path(__file__).parents[3] / "lakehouse"
# A word in a string of the library that begins with an underscore or as a helper does, as a column's name would.
WORD = re.compile(r"(?<![\w/.<$`-])`?((?:_|audit[_-])[a-z][a-z0-9_-]*)\b(?![(/-])")
# Such words that are no columns: folders, files, and parts of words and of attributes.
OTHERS = {
    "_abc_impl", "_damaged", "_delta_log", "_dropped", "_expectation", "_id", "_intents", "_is_not_null",
    "_last_checkpoint", "_lease", "_not_", "_position", "_pre_injected_sql", "_takes_its_columns_from_",
    "_weight_holdout",
}  # fmt: skip
# What a project may declare: how a row arrived, what could not be read of it, and a history's columns elsewhere.
ALLOWED = {*OF_FILES, *OF_HISTORIES, SAME_AT, "_unreadable"}
JOINS = Scd2(("id",), ("at",), keep_equal_states=False)
ID, AT = Column("id", "bigint", "Key"), Column("at", "timestamp", "Sequence")


def words() -> set[str]:
    """The words in the strings of the library's code, but for its docstrings."""
    said: set[str] = set()
    for path in LIBRARY.rglob("*.py"):
        tree = ast.parse(path.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                said |= set(WORD.findall(node.value))
    return said - OTHERS


MODES = [Append(), Overwrite(), Merge(("id",), ("at",)), Scd2(("id",), ("at",)), JOINS]


@pytest.mark.parametrize("mode", MODES, ids=repr)
def test_no_name_that_the_librarys_code_uses_can_be_declared(mode):
    declared = set()
    for name in {*words(), *OF_THE_ENGINE, *OF_QUARANTINES, *OF_HISTORIES}:
        try:
            Table("silver.t", columns=(ID, AT, Column(name, "string", "")), grain="", write=mode)
        except DeclarationError:
            continue
        declared.add(name)

    added = {*OF_HISTORIES, *((SAME_AT,) if mode is JOINS else ())} if isinstance(mode, Scd2) else set()
    assert declared == ALLOWED - added


@given(word=st.text(max_size=20), name=st.from_regex(r"(__[a-z_]{1,9}|_[a-z]{1,9}_|audit_mask_[0-9])", fullmatch=True))
def test_no_name_of_a_helper_or_like_the_engines_own_can_be_declared(word, name):
    for refused in (helper(word), name):
        with pytest.raises(DeclarationError):
            Column(refused, "string", "")


def test_the_names_beside_a_rejected_row_and_a_row_of_a_file_are_those_that_are_listed():
    assert tuple(column.name for column in quarantine_columns()) == OF_QUARANTINES
    assert tuple(column.name for column in SOURCE_COLUMNS) == OF_FILES


def test_a_signal_never_has_the_name_of_a_column_that_stands_beside_it():
    for signal in (*OF_QUARANTINES, *OF_HISTORIES):
        if signal != IS_DELETED:
            write = Scd2(("id",), ("at",), signals=(Column(signal, "boolean", ""),))
            with pytest.raises(DeclarationError, match=f"called `{signal}`"):
                Table("silver.t", columns=(ID, AT), grain="", write=write)
    mark = (Column(IS_DELETED, "boolean", ""),)
    for mode in (Merge(("id",), signals=mark), Scd2(("id",), ("at",), signals=mark)):
        assert Table("silver.t", columns=(ID, AT), grain="", write=mode).brought_names == ("id", "at", IS_DELETED)


def test_deleted_rows_are_not_marked_in_a_column_that_the_table_declares():
    own = Table("silver.t", columns=(ID, Column(IS_DELETED, "boolean", "")), grain="", write=Merge(("id",)))

    assert own.changes().table is own
    with pytest.raises(DeclarationError, match="declares one of its own"):
        own.changes(deletes=True)


def test_a_refused_name_says_how_a_stored_column_gets_another():
    for make in (
        lambda: Column("_metadata", "string", ""),
        lambda: Table("silver.t", columns=(Column("_state", "string", ""),), grain=""),
    ):
        with pytest.raises(DeclarationError, match=r'by `renamed_from="_[a-z]+"` and `lakehouse apply`'):
            make()

"""Names of columns that are not a project's to give: the library's own, and the engine's.

What the library adds to rows on their way is called by `helper`: no declared column can have a dash in its name. What
people see beside their columns keeps a plain name, and is listed here.
"""

import re

# Of what a history adds to its rows.
IS_DELETED = "_is_deleted"
OF_HISTORIES = ("_valid_from", "_valid_to", "_is_current", IS_DELETED)
# And of what a history adds beside that does not keep equal states.
SAME_AT = "_same_at"
# What a quarantine adds to a rejected row.
OF_QUARANTINES = (
    "_row_id",
    "_state",
    "_broken_rules",
    "_unstorable",
    "_run_id",
    "_inputs",
    "_quarantined_at",
    "_state_at",
    "_state_by",
    "_state_why",
    "_fixes",
)
# What says how a row of a file arrived. A table that keeps these columns declares them.
OF_FILES = ("_source_file", "_source_row", "_batch_id", "_ingested_at")
# What Spark and Delta add to the rows of a file, of a change feed and of a MERGE. A stored column of such a name hides
# theirs or is hidden by it; `_metadata` cannot be read at all beside deletion vectors.
OF_THE_ENGINE = (
    "_metadata",
    "_change_type",
    "_commit_version",
    "_commit_timestamp",
    "_source_row_index",
    "_tmp_metadata_row_index",
)
# Delta calls the others `__delta_internal_row_index` and `_row_dropped_`, say.
_LIKE_THE_ENGINES = re.compile(r"__.*|_.*_")
# Data files of tables hold columns of these names: the masks of the rules that a row breaks.
MASK = "audit_mask_"
_HELPER = "audit-"


def helper(word: str) -> str:
    """The name of a column that the library adds to rows on their way. In SQL it is quoted."""
    return f"{_HELPER}{word}"


def is_reserved(name: str) -> bool:
    """Whether no column can be called so, in whatever table."""
    return name in OF_THE_ENGINE or bool(_LIKE_THE_ENGINES.fullmatch(name)) or name.startswith(MASK)

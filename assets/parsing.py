"""Reading numbers and times from text without losing what cannot be read.

A text that is there and is no value of its type becomes null, and the text is kept in `_unreadable`, so that a rule can
find the row and who mends it sees what came. Nothing is rounded or cut.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column

# Enough digits for any measurement; NaN and infinity are no decimals.
_DECIMAL = "decimal(28,10)"
# Some programs write every number with a fraction: 63.0 is 63.
_NO_FRACTION = r"\.0+$"
# A cast alone would take `2026` for its first of January, and a time without a zone for one of the session's.
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"


def number(text: "Column", type_: str) -> "Column":
    """The number in `text` as `int` or `double`; null where it is none, does not fit, or an int has a fraction."""
    from pyspark.sql import functions as F

    if type_ == "double":
        return text.try_cast(_DECIMAL).cast("double")
    return F.regexp_replace(text, _NO_FRACTION, "").try_cast("int")


def time(text: "Column") -> "Column":
    """The UTC time in an ISO 8601 `text` that names its zone; null where it is none."""
    from pyspark.sql import functions as F

    return F.when(text.rlike(_TIME), text.try_cast("timestamp"))


def unreadable(values: Mapping[str, tuple["Column", "Column"]]) -> "Column":
    """The texts that are there but could not be read, as a JSON object in their order; null if there are none.

    Args:
        values: The text and the value read from it, by the name in the source.
    """
    from pyspark.sql import functions as F

    texts = {name: F.when(value.isNull(), text) for name, (text, value) in values.items()}
    named = (F.struct(F.lit(name).alias("name"), text.alias("text")) for name, text in texts.items())
    unread = F.filter(F.array(*named), lambda each: each.text.isNotNull())
    return F.when(F.size(unread) > 0, F.to_json(F.map_from_entries(unread)))

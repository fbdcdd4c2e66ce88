"""What Feast serves: a frozen declaration over a table. Pure."""

import hashlib
import json
from dataclasses import asdict, dataclass

from lakehouse.errors import DeclarationError

TYPES = ("string", "int", "bigint", "double", "float", "boolean")


@dataclass(frozen=True)
class Features:
    """The features of one kind of thing, one row per key of a table.

    Args:
        name: Of the feature view.
        table: `layer.entities` that holds them.
        key: Its key column, a string. One column alone: Feast joins several without a separator, so that (1, 12) and
            (11, 2) meet (feast 0.67, `entity_row_unique_id`).
        columns: Names and Spark SQL types of the features.
        event_at: Column with the UTC time that the features are about.
        created_at: Column with the UTC time that they became known; it decides between rows of one `event_at`.

    Raises:
        DeclarationError: a type that has no exact counterpart in Feast, or a column that is declared twice.
    """

    name: str
    table: str
    key: str
    columns: tuple[tuple[str, str], ...]
    event_at: str
    created_at: str

    def __post_init__(self) -> None:
        """Refuse what could not be served exactly."""
        for column, type_ in self.columns:
            if type_ not in TYPES:
                raise DeclarationError(f"features `{self.name}`: `{column}` is {type_}, expected {', '.join(TYPES)}")
        names = [self.key, self.event_at, self.created_at, *(column for column, _ in self.columns)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DeclarationError(f"features `{self.name}`: {', '.join(twice)} declared more than once")

    @property
    def references(self) -> list[str]:
        """The features as Feast names them."""
        return [f"{self.name}:{column}" for column, _ in self.columns]

    @property
    def digest(self) -> str:
        """Of the whole declaration."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

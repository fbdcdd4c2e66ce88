"""What cannot be served exactly is refused when it is declared."""

import pytest

from lakehouse.errors import DeclarationError
from lakehouse.features.feature_view import Features


def declare(*columns: tuple[str, str]) -> Features:
    return Features(
        "wearers", "gold.wearers", key="wearer_id", columns=columns, event_at="read_at", created_at="sent_at"
    )


def test_a_type_without_an_exact_counterpart_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"`paid_eur` is decimal\(12,2\), expected string, int"):
        declare(("paid_eur", "decimal(12,2)"))


def test_a_time_cannot_be_a_feature_as_well() -> None:
    with pytest.raises(DeclarationError, match="read_at declared more than once"):
        declare(("read_at", "string"))


def test_another_declaration_has_another_digest() -> None:
    assert declare(("age_years", "int")).digest != declare(("age_years", "double")).digest

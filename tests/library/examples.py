"""How many random examples a property gets: few in `make test`, many in `make test-slow`."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Set by `make test-slow`.
IS_THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def examples(few: int, many: int) -> int:
    """The number for this run."""
    return many if IS_THOROUGH else few


def thorough(few: int, many: int, **given: Any) -> Any:
    """Decorates a property that both targets try: `few` examples in `make test`, `many` in `make test-slow`."""
    chosen = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture], **given}

    def decorate(test: Any) -> Any:
        return pytest.mark.thorough(settings(max_examples=examples(few, many), **chosen)(test))

    return decorate

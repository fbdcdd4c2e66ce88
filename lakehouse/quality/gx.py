"""Great Expectations itself: the oracle, the judge of what the one pass leaves, and the maker of the Data Docs.

The only importer of great_expectations: it takes seconds to import, so it is imported where it is needed.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.quality.results import CheckResult, failed_check
from lakehouse.quality.suite import Expectation

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.data_context import AbstractDataContext
    from pyspark.sql import DataFrame

_PLACE = "lakehouse_place"


@contextmanager
def _quiet() -> Iterator[None]:
    """GX warns of string conditions and logs what its results already say."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def context(root: Path | None = None) -> "AbstractDataContext":
    """A GX context that sends nothing anywhere and draws no progress bars; in memory, or with its files below `root`."""
    import great_expectations as gx
    from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    # A context reports its own creation before it can be told not to, and only reads an environment variable for that.
    AbstractDataContext._init_analytics = lambda self: None  # type: ignore[method-assign]
    raise NotImplementedError(root, gx, DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig)

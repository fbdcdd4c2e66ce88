"""Where the files of a table are."""

import pytest

import assets
from lakehouse.dagster.discover import table_assets
from tests.conftest import ROOT


@pytest.mark.parametrize("asset", table_assets(assets), ids=lambda asset: asset.table.name)
def test_a_table_is_named_after_its_file_and_has_a_suite_and_a_test(asset):
    layer, entity = asset.table.layer, asset.table.entity

    assert asset.transform.__module__ == f"assets.{layer}.{entity}"
    assert asset.transform.__name__ in (f"{layer}_{entity}", entity)
    assert (ROOT / f"expectations/{layer}/{entity}.json").exists()
    assert (ROOT / f"tests/assets/{layer}/test_{entity}.py").exists()

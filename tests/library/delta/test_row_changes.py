"""Which commits change rows, by their actions."""

import pytest

from lakehouse.delta.row_changes import leaves_rows

INFO = {"commitInfo": {"operation": "ANY"}}


@pytest.mark.parametrize(
    "actions",
    [
        [INFO],
        [INFO, {"txn": {"appId": "a", "version": 1}}],
        [INFO, {"remove": {"path": "a", "dataChange": False}}, {"add": {"path": "b", "dataChange": False}}],
        [INFO, {"domainMetadata": {"domain": "delta.clustering"}}, {"add": {"path": "b", "dataChange": False}}],
    ],
)
def test_compaction_leaves_rows(actions):
    assert leaves_rows(actions)


@pytest.mark.parametrize(
    "action",
    [
        {"add": {"path": "b", "dataChange": True}},
        {"add": {"path": "b"}},
        {"remove": {"path": "b", "dataChange": True}},
        {"cdc": {"path": "b", "dataChange": False}},
        {"metaData": {"id": "x"}},
        {"protocol": {"minReaderVersion": 3}},
        {"somethingNew": {}},
    ],
)
def test_what_changes_rows_or_is_not_known_is_news(action):
    assert not leaves_rows([INFO, {"add": {"path": "a", "dataChange": False}}, action])

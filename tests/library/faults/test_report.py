"""What the faults did, told for machines and for people."""

import json
from collections import Counter

from tests.library.faults.kills import Outcome
from tests.library.faults.poller import Watch
from tests.library.faults.report import as_json, as_markdown
from tests.library.faults.rivals import Race


def test_all_of_it_is_told_as_json_and_as_a_page():
    outcome = Outcome(7, kills=Counter(step=3, server=1), gaps=Counter({"after door.stage": 4}), readers=["Spark"])
    outcome.problems.append("merge by Spark: lost 2 rows")

    told = json.loads(as_json(outcome, Race(8, 50), None))
    page = as_markdown(outcome, None, Watch(), "commit 1")

    assert told["kills"]["kills"] == {"step": 3, "server": 1}
    assert told["clients"]["turns"] == 50
    assert "| kills | 4: server 1, step 3 |" in page
    assert "| rows lost | 1 |" in page

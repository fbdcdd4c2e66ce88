"""One click on "Materialize all" in the browser, on new data, gives a green graph."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lakehouse.services import up
from tests.chain.conftest import Demo
from tests.rights import entries, umask, wider_than

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=2000,1200",
)
# In one step: the page draws its buttons anew while it loads, and an element that was found is soon no longer there.
CLICK = """const button = [...document.querySelectorAll("button")].find(
    each => each.textContent.includes("Materialize all") && !each.disabled);
if (button) button.click();
return Boolean(button);"""
LAST_RUN = "{runsOrError(limit: 1) {... on Runs {results {runId status}}}}"
CHECKS = """{assetNodes {assetKey {path} groupName assetChecksOrError {... on AssetChecks {checks {name
executionForLatestMaterialization {status runId}}}}
assetMaterializations(limit: 1) {runId metadataEntries {label}}}}"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no chromium here (Debian and Ubuntu: apt-get install chromium chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def ask(address: str, query: str) -> dict[str, Any]:
    answer = requests.post(f"{address}/graphql", json={"query": query}, timeout=60)
    answer.raise_for_status()
    return answer.json()["data"]


def land_new_readings(project: Path) -> int:
    """A file of one hour later, with readings that no other has."""
    folder = project / "landing" / "readings"
    lines = []
    for line in sorted(folder.glob("*.jsonl"))[0].read_text().splitlines():
        try:
            reading = json.loads(line)
        except ValueError:
            continue
        if isinstance(reading, dict) and reading.get("reading_id") and reading.get("age") == 63:
            moved = {
                "reading_id": f"late-{len(lines)}",
                "read_at": "2026-03-01T00:00:00Z",
                "sent_at": "2026-03-01T00:00:05Z",
            }
            lines.append(json.dumps(reading | moved))
    (folder / "readings-2026-03-01T00.jsonl").write_text("\n".join(lines) + "\n")
    return len(lines)


@pytest.mark.slow
def test_materialize_all_gives_a_green_graph(demo: Demo, browser: Any, spark: Any):
    from selenium.webdriver.support.ui import WebDriverWait

    before = spark.table("silver.readings").count()
    landed = land_new_readings(demo.workspace.settings.project)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in demo.environment.items():
            patch.setenv(name, value)
        up(demo.workspace, ["ui"])
    address = demo.workspace.dagster_url
    last = ask(address, LAST_RUN)["runsOrError"]["results"][0]["runId"]

    def newest(*states: str) -> dict[str, str] | None:
        runs = ask(address, LAST_RUN)["runsOrError"]["results"]
        return next((run for run in runs if run["runId"] != last and (not states or run["status"] in states)), None)

    browser.get(f"{address}/asset-groups")
    WebDriverWait(browser, 90).until(lambda driver: driver.execute_script(CLICK))
    WebDriverWait(browser, 60).until(lambda _: newest())
    run = WebDriverWait(browser, 240, poll_frequency=1).until(lambda _: newest("SUCCESS", "FAILURE", "CANCELED"))

    assert run["status"] == "SUCCESS"
    assert landed > 0
    assert spark.table("silver.readings").count() == before + landed
    nodes = ask(address, CHECKS)["assetNodes"]
    assert {node["groupName"] for node in nodes} == {"bronze", "silver", "gold", "ml"}
    for node in nodes:
        name = ".".join(node["assetKey"]["path"])
        shown = node["assetMaterializations"][0]
        assert shown["runId"] == run["runId"], name
        if name not in ("ml.heart", "ml.wearer_features"):
            labels = {entry["label"] for entry in shown["metadataEntries"]}
            assert {"dagster/row_count", "delta_version", "dagster/column_schema"} <= labels, name
        checks = node["assetChecksOrError"].get("checks", [])
        assert {check["executionForLatestMaterialization"]["status"] for check in checks} <= {"SUCCEEDED"}, name


@pytest.mark.slow
def test_what_dagster_and_mlflow_made_as_servers_is_their_owners_alone(demo: Demo, monkeypatch: pytest.MonkeyPatch):
    for name, value in demo.environment.items():
        monkeypatch.setenv(name, value)
    with umask(0):
        up(demo.workspace, ["ui"])

    assert {"logs/dagster.log", "logs/daemon.log", "logs/mlflow.log"} <= dict(entries(demo.workspace.home)).keys()
    assert wider_than(0o700, demo.workspace.home) == {}

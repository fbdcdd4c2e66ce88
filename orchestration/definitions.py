"""Everything that Dagster runs: found by `dagster dev` without arguments. Assets are discovered in `assets/`."""

import assets
from lakehouse import project_definitions

defs = project_definitions(assets)

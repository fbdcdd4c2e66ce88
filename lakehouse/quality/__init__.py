"""Quality: suites in GX's JSON, compiled to one pass; GX itself for the rest, the reports and as the oracle."""

"""Suites in the JSON of Great Expectations: read, checked, numbered."""

"""Features for serving: a table's rows by key, in Feast's online store, equal to the table at a version."""

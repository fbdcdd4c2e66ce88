"""The expectations that are compiled: what each type judges, as one SQL expression, aggregate or query."""

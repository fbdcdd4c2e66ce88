"""Assets as Dagster sees them. With `services/servers/dagster` the only room that imports dagster."""

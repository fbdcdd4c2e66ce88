"""The processes of a workspace: jars and Java for them, and a supervisor that keeps them up."""

"""Read-only answers: what a version is made of, what every table holds, and where the rows went."""

"""dbt with its session on the guarded way to the engine: `python -m lakehouse.engine.dbt_main ARGUMENTS`."""

import sys


def main() -> None:
    """Run dbt; its exit code is this process's."""
    from dbt.cli.main import cli

    from lakehouse.services.supervise.guard import guard

    guard()
    sys.argv[0] = "dbt"
    sys.exit(cli())


if __name__ == "__main__":
    main()

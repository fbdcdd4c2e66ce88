"""The `lakehouse` command. A file here that has `register` is a group of commands; nothing else is edited for it."""

import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

app = typer.Typer(
    help="Delta tables behind one audited door, and the servers they need.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def load_groups() -> typer.Typer:
    """The command with all its groups."""
    for module in sorted(iter_modules(__path__), key=lambda group: group.name):
        register = getattr(import_module(f"{__name__}.{module.name}"), "register", None)
        if register is not None:
            register(app)
    return app


def main() -> None:
    """Run the command; what goes wrong is a message without a value of the data, and exit code 1."""
    from lakehouse.rights import privately

    with privately():
        _run()


def _run() -> None:
    from lakehouse.errors import LakehouseError

    try:
        load_groups()()
    except LakehouseError as error:
        from lakehouse.cli.unforeseen import with_log

        print(with_log(error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from lakehouse.cli.unforeseen import told

        print(told(error), file=sys.stderr)
        sys.exit(1)

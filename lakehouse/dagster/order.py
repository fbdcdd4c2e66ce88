"""What must be made before what. Pure: a graph in, names out.

A table is made after those that it reads, and after those in which its suite looks keys up. The second kind gives way:
if the other table is itself made from this one, or its suite looks keys up here, the rule orders nothing, and sees what
was published before.
"""

from collections.abc import Collection, Iterable, Mapping

from lakehouse.dagster.graph import Graph, Reader

Needs = Mapping[str, tuple[str, ...]]


def looked_up_before(graph: Graph) -> Needs:
    """By table, those of the project in which its suite looks keys up, and which can be made before it."""
    needs = _needs(graph.readers)
    looked_up = _needs(reader for reader in graph.readers if reader.kind == "suite")
    return {
        name: before
        for name, tables in looked_up.items()
        if (before := tuple(table for table in tables if table in graph.declared and name not in _all(needs, table)))
    }


def in_order(graph: Graph, names: Iterable[str]) -> list[str]:
    """The names, once each: one that another needs comes before it, else in the order in which they were given."""
    reads = _needs(reader for reader in graph.readers if reader.kind != "suite")
    looked_up = looked_up_before(graph)
    needs = {name: (*reads.get(name, ()), *looked_up.get(name, ())) for name in {**reads, **looked_up}}
    given = tuple(dict.fromkeys(names))
    begun: set[str] = set()
    ordered: list[str] = []

    def add(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for before in needs.get(name, ()):
                add(before)
            ordered.append(name)

    for name in given:
        add(name)
    return [name for name in ordered if name in given]


def behind(graph: Graph, names: Collection[str], made: Collection[str]) -> tuple[list[str], list[str]]:
    """What is made from some tables, however far away.

    Args:
        graph: Of the project.
        names: The tables.
        made: What the caller makes, by name: the way goes through these alone.

    Returns:
        Those of `made`, and what else reads one of them or of `names` and is made by another tool.
    """
    behind_them: dict[str, None] = {}
    others: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        for reader in graph.readers_of(waiting.pop()):
            if reader.kind == "suite" or reader.name in behind_them or reader.name in names:
                continue
            if reader.name in made:
                behind_them[reader.name] = None
                waiting.append(reader.name)
            else:
                others[reader.name] = None
    return list(behind_them), list(others)


def _needs(readers: Iterable[Reader]) -> Needs:
    needs: dict[str, dict[str, None]] = {}
    for reader in readers:
        needs.setdefault(reader.name, {})[reader.table] = None
    return {name: tuple(tables) for name, tables in needs.items()}


def _all(needs: Needs, name: str) -> set[str]:
    """A name, and all that it needs, however far away."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting += needs.get(current, ())
    return reached

"""Row conditions as SQL. A condition that could fail to compute is left to GX."""

import re
from collections.abc import Mapping
from typing import Any

from lakehouse.quality.rules.sql_values import NotCompiledError, column_of, fits, literal
from lakehouse.quality.suite.suite import Condition

_COMPARISONS = {"==": "=", "=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_GX = re.compile(
    r"""\s*col\((?P<q>["'])(?P<column>\w+)(?P=q)\)\s*(?:\.(?P<notnull>notnull\(\)|notNull\(\))|(?P<op>==|!=|<=|>=|<|>)\s*(?:(?P<s>["'])(?P<string>[^"'\\]*)(?P=s)|(?P<number>-?\d+(?:\.\d+)?)))\s*\Z"""
)
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<string>'[^'\\]*'|"[^"\\]*")|`(?P<quoted>\w+)`|(?P<word>[A-Za-z_]\w*)|(?P<sign><=|>=|==|!=|<>|=|<|>|\(|\)|,))"""
)


def condition_sql(condition: Condition | None, columns: Mapping[str, str]) -> str:
    """The condition as an SQL predicate that is never null; `true` where there is none.

    Raises:
        NotCompiledError: a form that is not known here, or a comparison of two types.
    """
    if condition is None:
        return "true"
    written = condition.row_condition
    if not isinstance(written, str):
        sql = _object(written, columns)
    elif condition.parser in ("great_expectations", "great_expectations__experimental__"):
        sql = _gx(written, columns)
    elif condition.parser in (None, "spark"):
        sql = _Spark(written, columns).read()
    else:
        raise NotCompiledError(f"a condition for the parser {condition.parser}")
    return f"coalesce({sql}, false)"


def _compare(columns: Mapping[str, str], name: Any, sign: str, value: Any) -> str:
    column, family = column_of(columns, name)
    if value is None or not fits(value, family):
        raise NotCompiledError("a condition that compares two types")
    # GX writes numbers into SQL as Python prints them, not as typed literals.
    shown = literal(value) if isinstance(value, str) else repr(value)
    return f"({column} {sign} {shown})"


def _object(node: Mapping[str, Any], columns: Mapping[str, str], depth: int = 0) -> str:
    kind = node.get("type")
    if kind in ("and", "or") and node.get("conditions"):
        if kind == "or" and depth:
            raise NotCompiledError("an OR within another condition, which GX refuses")
        parts = [_object(child, columns, depth + 1) for child in node["conditions"]]
        return f"({f' {kind.upper()} '.join(parts)})"
    name = (node.get("column") or {}).get("name")
    if kind == "nullity":
        return f"({column_of(columns, name)[0]} IS {'' if node['is_null'] else 'NOT '}NULL)"
    sign, value = node.get("operator"), node.get("parameter")
    if kind == "comparison" and sign in _COMPARISONS:
        return _compare(columns, name, _COMPARISONS[sign], value)
    if kind == "comparison" and sign in ("IN", "NOT_IN") and isinstance(value, list) and value:
        return _in(columns, name, sign.replace("_", " "), value)
    if kind == "pass_through":
        return _Spark(str(node.get("pass_through_filter")), columns).read()
    raise NotCompiledError("a condition of a form that is not known here")


def _in(columns: Mapping[str, str], name: Any, sign: str, values: list[Any]) -> str:
    column, family = column_of(columns, name)
    if not all(value is not None and fits(value, family) for value in values):
        raise NotCompiledError("a condition that compares two types")
    shown = ", ".join(literal(value) if isinstance(value, str) else repr(value) for value in values)
    return f"({column} {sign} ({shown}))"


def _gx(text: str, columns: Mapping[str, str]) -> str:
    match = _GX.match(text)
    if match is None:
        raise NotCompiledError("a condition of a form that is not known here")
    if match["notnull"]:
        return f"({column_of(columns, match['column'])[0]} IS NOT NULL)"
    value = match["string"] if match["number"] is None else _number(match["number"])
    return _compare(columns, match["column"], _COMPARISONS[match["op"]], value)


def _number(shown: str) -> int | float:
    return float(shown) if "." in shown else int(shown)


class _Spark:
    """Reads `a = 1 AND (b IN ('x') OR c IS NOT NULL)`: columns against literals, nothing that can fail to compute."""

    def __init__(self, source: str, columns: Mapping[str, str]) -> None:
        self.columns = columns
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while source[at:].strip():
            match = _TOKEN.match(source, at)
            if match is None or match.lastgroup is None:
                raise NotCompiledError("a condition with more than columns, literals and comparisons")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    def read(self) -> str:
        sql = self._either()
        if self.tokens:
            raise NotCompiledError("a condition with more than columns, literals and comparisons")
        return sql

    def _next(self, *words: str) -> str | None:
        """Take the next token if it is one of the words."""
        if self.tokens and self.tokens[0][0] in ("word", "sign") and self.tokens[0][1].upper() in words:
            return self.tokens.pop(0)[1].upper()
        return None

    def _must(self, *words: str) -> str:
        word = self._next(*words)
        if word is None:
            raise NotCompiledError("a condition with more than columns, literals and comparisons")
        return word

    def _either(self) -> str:
        parts = [self._both()]
        while self._next("OR"):
            parts.append(self._both())
        return f"({' OR '.join(parts)})"

    def _both(self) -> str:
        parts = [self._one()]
        while self._next("AND"):
            parts.append(self._one())
        return f"({' AND '.join(parts)})"

    def _one(self) -> str:
        if self._next("("):
            inner = self._either()
            self._must(")")
            return inner
        kind, name = self.tokens.pop(0) if self.tokens else ("", "")
        if kind not in ("word", "quoted"):
            raise NotCompiledError("a condition with more than columns, literals and comparisons")
        if self._next("IS"):
            negated = self._next("NOT")
            self._must("NULL")
            return f"({column_of(self.columns, name)[0]} IS {'NOT ' if negated else ''}NULL)"
        negated = self._next("NOT")
        if negated or self._next("IN"):
            if negated:
                self._must("IN")
            return _in(self.columns, name, "NOT IN" if negated else "IN", self._list())
        return _compare(self.columns, name, _COMPARISONS[self._must(*_COMPARISONS)], self._value())

    def _list(self) -> list[Any]:
        self._must("(")
        values = [self._value()]
        while self._next(","):
            values.append(self._value())
        self._must(")")
        return values

    def _value(self) -> Any:
        kind, shown = self.tokens.pop(0) if self.tokens else ("", "")
        if kind == "string":
            return shown[1:-1]
        if kind == "number":
            return _number(shown)
        if kind == "word" and shown.upper() in ("TRUE", "FALSE"):
            return shown.upper() == "TRUE"
        raise NotCompiledError("a condition with more than columns, literals and comparisons")

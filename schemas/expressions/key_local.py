"""Whether a query's row for one key depends on input rows of that key alone.

Such a query may be computed for a few keys, from the input rows that carry them. The check lists each part of a query
that may look at rows of other keys: a window that is not partitioned by the key, a group without the key, a join over
other columns, a sub-query in a condition, a limit. It is cautious: a query that it refuses may still be right.

Example, for the key `household_no`:

    SELECT household_no, rank() OVER (ORDER BY members) AS place FROM household
    -- `RANK() OVER (ORDER BY members)` looks at rows of other household_no
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlglot import exp

from schemas.expressions.portable import shown

# In a scope: source → its columns that hold the key.
_Carriers = Mapping[str, frozenset[str]]


def crossings(query: exp.Expr, key: str, tables: Collection[str]) -> list[str]:
    """The parts of a query that may look at rows of other keys, and a result without the key.

    Args:
        query: the query, with every column qualified by its source.
        key: the column that holds the key, in the tables and in the result.
        tables: the input tables.
    """
    walk = _Walk(key, tables)
    carried = walk.query(query, {})
    if not walk.found and key not in carried:
        walk.found.append(f"the column {key} of the result is not the {key} of the rows")
    return walk.found


class _Walk:
    """One walk through a query. `found` collects the parts that cross from one key to another."""

    def __init__(self, key: str, tables: Collection[str]) -> None:
        self.key, self.tables = key, tables
        self.found: list[str] = []

    def crosses(self, node: exp.Expr, why: str) -> None:
        self.found.append(f"{shown(node)} {why}")

    def query(self, node: exp.Expr, named: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """The columns of a query's result that hold the key. `named` has these columns of the queries in WITH."""
        node = node.unnest()
        known = dict(named)
        for cte in node.args["with_"].expressions if node.args.get("with_") else ():
            known[cte.alias] = self.query(cte.this, known)
        if node.args.get("limit") or node.args.get("offset"):
            self.crosses(node, "takes a few rows of all")
        if isinstance(node, exp.SetOperation):
            left, right = self.query(node.left, known), self.query(node.right, known)
            places = {
                place
                for side, carried in ((node.left, left), (node.right, right))
                for place, name in enumerate(side.named_selects)
                if name in carried
            }
            return frozenset(
                name
                for place, name in enumerate(node.left.named_selects)
                if place in places and name in left and node.right.named_selects[place] in right
            )
        if not isinstance(node, exp.Select):
            self.crosses(node, "is no SELECT")
            return frozenset()
        return self.select(node, known)

    def select(self, node: exp.Select, named: Mapping[str, frozenset[str]]) -> frozenset[str]:
        carriers: dict[str, frozenset[str]] = {}
        source = node.args.get("from_")
        if source is None:
            self.crosses(node, "reads no table")
            return frozenset()
        carriers[source.this.alias_or_name] = self.source(source.this, named)
        for join in node.args.get("joins") or ():
            columns = self.source(join.this, named)
            if not self.joined(join, carriers, columns) or join.side not in ("", "LEFT"):
                self.crosses(join, f"joins rows of other {self.key}")
            # After a LEFT JOIN the key may be NULL, and grouping by it would mix rows of several keys.
            carriers[join.this.alias_or_name] = frozenset() if join.side else columns
        parts = [
            *node.expressions,
            *(node.args.get(name) for name in ("where", "having", "qualify", "order")),
        ]
        for part in parts:
            if part is not None:
                self.expression(part, carriers)
        self.grouped(node, carriers)
        return frozenset(
            item.alias_or_name for item in node.expressions if self.holds_key(item.unalias(), carriers)
        )

    def source(self, node: exp.Expr, named: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """The columns of a table, a query in WITH or a sub-query that hold the key."""
        if isinstance(node, exp.Subquery):
            return self.query(node.this, named)
        if isinstance(node, exp.Table) and node.name in named:
            return named[node.name]
        if isinstance(node, exp.Table) and node.name in self.tables:
            return frozenset({self.key})
        self.crosses(node, "is none of the inputs")
        return frozenset()

    def joined(self, join: exp.Join, carriers: _Carriers, columns: frozenset[str]) -> bool:
        """Whether a join compares the keys of both sides."""
        on = join.args.get("on")
        alias = join.this.alias_or_name
        for condition in on.flatten() if isinstance(on, exp.And) else [on]:
            if isinstance(condition, exp.EQ):
                sides = (condition.left, condition.right)
                own = [side for side in sides if self.holds_key(side, {alias: columns})]
                other = [side for side in sides if self.holds_key(side, carriers)]
                if own and other:
                    return True
        return False

    def holds_key(self, node: exp.Expr | None, carriers: _Carriers) -> bool:
        return isinstance(node, exp.Column) and node.name in carriers.get(node.table, frozenset())

    def expression(self, node: exp.Expr, carriers: _Carriers) -> None:
        """Find the windows and sub-queries anywhere in an expression."""
        for part in node.walk():
            if isinstance(part, exp.Query | exp.Exists):
                self.crosses(part, f"may look at rows of other {self.key}")
            elif isinstance(part, exp.Window):
                by = part.args.get("partition_by") or []
                if not any(self.holds_key(each, carriers) for each in by):
                    self.crosses(part, f"looks at rows of other {self.key}: PARTITION BY it")

    def grouped(self, node: exp.Select, carriers: _Carriers) -> None:
        """Check that GROUP BY and DISTINCT ON have the key among their columns: else they mix rows of several keys."""
        group, distinct = node.args.get("group"), node.args.get("distinct")
        if group is not None:
            by = [*group.expressions, *(node.expressions if group.args.get("all") else ())]
            # GROUPING SETS, CUBE and ROLLUP have groups without the key.
            plain = not any(group.args.get(name) for name in ("grouping_sets", "cube", "rollup"))
            if not plain or not any(self.holds_key(each.unalias(), carriers) for each in by):
                self.crosses(group, f"puts rows of several {self.key} together")
        elif self.aggregates(node):
            self.crosses(node, f"puts rows of several {self.key} together: GROUP BY it")
        if distinct is not None and (on := distinct.args.get("on")) is not None:
            by = on.expressions if isinstance(on, exp.Tuple) else [on.unnest()]
            if not any(self.holds_key(each, carriers) for each in by):
                self.crosses(distinct, f"keeps one row of several {self.key}")

    def aggregates(self, node: exp.Select) -> bool:
        """Whether a SELECT aggregates all rows into one, by a function outside of a window."""
        return any(
            isinstance(part, exp.AggFunc) and not part.find_ancestor(exp.Window)
            for item in node.expressions
            for part in item.walk()
        )

"""A workspace in a notebook: its tables as Arrow, pandas, polars or DuckDB, and findings that show themselves.

    import wallwatch as ww
    ww.open("kenya.ww").events(country="KE").pandas()

What is shown is escaped: a host's name cannot bring markup into a notebook (trap X3).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import duckdb
import pyarrow as pa
from markupsafe import Markup, escape

from wallwatch import explain as explaining
from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text
from wallwatch.engine import Workspace
from wallwatch.schema import TABLES
from wallwatch.show import LISTINGS, Filters, Record, parse_time, records

#: Rows of a table that a notebook shows.
_SHOWN: Final = 20
#: Letters of a value that it shows.
_LETTERS: Final = 80

When = str | date | datetime | None


class Rows:
    """Rows of a table, or what a query gives. Nothing is read before it is asked for.

    Attributes:
        name: What they are.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        name: str,
        query: str,
        values: list[Any],
        filters: Filters | None,
    ) -> None:
        self.name = name
        self._con, self._query, self._values, self._filters = con, query, values, filters

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """A DuckDB relation, to be filtered, joined and aggregated further; lives as long as the workspace is open."""
        return self._con.sql(self._query, params=self._values or None)

    def arrow(self) -> pa.Table:
        """An Arrow table with the types of the schema."""
        table: pa.Table = self.duckdb().to_arrow_table()
        return table

    def pandas(self) -> Any:
        """A pandas data frame.

        Raises:
            WallwatchError: pandas is not installed.
        """
        _needed("pandas")
        return self.duckdb().df()

    def polars(self) -> Any:
        """A polars data frame.

        Raises:
            WallwatchError: polars is not installed.
        """
        return _needed("polars").from_arrow(self.arrow())

    def records(self) -> list[Record]:
        """Dictionaries in the shape of `wallwatch show --format json`; of a query, its rows."""
        if self._filters is not None and self.name in LISTINGS:
            return list(records(self._con, self.name, self._filters))
        found: list[Record] = self.arrow().to_pylist()
        return found

    def __len__(self) -> int:
        return int(self.duckdb().aggregate("count(*)").fetchall()[0][0])

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records())

    def __repr__(self) -> str:
        return (
            f"<wallwatch {self.name}: {len(self):,} rows; .arrow() .pandas() .polars() .duckdb() .records()>"
        )

    def _repr_html_(self) -> str:
        """The first rows as a table."""
        table: pa.Table = self.duckdb().limit(_SHOWN).to_arrow_table()
        names = [
            name for name in table.column_names if table.column(name).null_count < max(table.num_rows, 1)
        ]
        head = Markup("").join(Markup('<th scope="col">{}</th>').format(safe_text(name)) for name in names)
        body = Markup("").join(
            Markup("<tr>{}</tr>").format(
                Markup("").join(Markup("<td>{}</td>").format(_shown(row[name])) for name in names)
            )
            for row in table.to_pylist()
        )
        count = len(self)
        more = f"; the first {_SHOWN} are shown" if count > _SHOWN else ""
        return str(
            Markup("<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
                f"{self.name}: {count:,} rows{more}", head, body
            )
        )


class Finding:
    """One event, outage or measurement: its record, and how it came about.

    Attributes:
        record: As `wallwatch explain --format json` gives it.
        lines: As `wallwatch explain` prints it.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, id_: str) -> None:
        answer = explaining.explain(con, id_)
        self.record: Mapping[str, Any] = answer.record
        self.lines = answer.lines
        self._con = con

    def __repr__(self) -> str:
        return "\n".join(safe_text(line) for line in self.lines)

    def _repr_html_(self) -> str:
        """The explanation, below the chart where there is one."""
        chart = self._repr_svg_() or ""
        return str(Markup("{}<pre>{}</pre>").format(Markup(chart), repr(self)))  # noqa: S704 - made below

    def _repr_svg_(self) -> str | None:
        """Measurements a day, and how many found it blocked; null of what is no event."""
        if self.record.get("explains") != "event":
            return None
        days = self._con.execute(
            "SELECT CAST(date_trunc('day', hour) AS DATE), sum(blocked + likely_blocked), "
            "sum(blocked + likely_blocked + impaired + down + ok) FROM cells "
            "WHERE country = $country AND service = $service AND layer = 'all' "
            "AND (len($networks) = 0 OR list_contains($networks, network)) GROUP BY 1 ORDER BY 1",
            {
                "country": self.record["country"],
                "service": self.record["service"],
                "networks": self.record["networks"],
            },
        ).fetchall()
        title = f"{self.record['service']} in {self.record['country']}: measurements a day, and those found blocked"
        return str(_bars([(day, int(bad), int(all_)) for day, bad, all_ in days], title))


class Opened:
    """An open workspace. Closes with the block, where it is used as one.

    Raises:
        WallwatchError: The folder is not a workspace.
    """

    def __init__(self, root: str | Path) -> None:
        self._workspace = Workspace.open(Path(root))
        self._con = self._workspace.connect()

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the use of the workspace; relations made from it are gone."""
        self._con.close()

    def events(
        self, country: str | None = None, target: str | None = None, since: When = None, until: When = None
    ) -> Rows:
        """Restrictions, each as one row; the columns are those of `events` in docs/tables.md."""
        return self._rows("events", country, target, since, until)

    def outages(
        self, country: str | None = None, target: str | None = None, since: When = None, until: When = None
    ) -> Rows:
        """Losses of connectivity; `target` is a region or a network."""
        return self._rows("outages", country, target, since, until)

    def verdicts(
        self, country: str | None = None, target: str | None = None, since: When = None, until: When = None
    ) -> Rows:
        """Verdicts of whole measurements (layer `all`); `table("verdicts")` has those of the layers, too."""
        return self._rows("verdicts", country, target, since, until)

    def cells(
        self, country: str | None = None, target: str | None = None, since: When = None, until: When = None
    ) -> Rows:
        """States counted by hour, network, target and layer."""
        return self._rows("cells", country, target, since, until)

    def statements(
        self, country: str | None = None, target: str | None = None, since: When = None, until: When = None
    ) -> Rows:
        """What was said about restrictions."""
        return self._rows("statements", country, target, since, until)

    def table(self, name: str) -> Rows:
        """A table of the schema as it is: `observations`, `measurements`, `signals`, `routes` and so on.

        Raises:
            WallwatchError: There is none of that name.
        """
        if name not in TABLES:
            raise WallwatchError(f"there is no table {name}; tables: {', '.join(sorted(TABLES))}")
        return Rows(self._con, name, f"SELECT * FROM {name}", [], None)

    def sql(self, query: str, values: list[Any] | None = None) -> Rows:
        """What a query gives (DuckDB's SQL over the tables of the schema); `$1`, `$2` … stand for the values."""
        return Rows(self._con, "query", query, values or [], None)

    def explain(self, id_: str) -> Finding:
        """One event, outage or measurement, by its id or the beginning of it.

        Raises:
            WallwatchError: Nothing has that id, or several things begin with it.
        """
        return Finding(self._con, id_)

    def __repr__(self) -> str:
        return f"<wallwatch workspace {safe_text(self._workspace.layout.root)}>"

    def _repr_html_(self) -> str:
        """How many rows each table has."""
        counted = [
            (name, int(self._con.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0])) for name in TABLES
        ]
        rows = Markup("").join(
            Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(name, f"{count:,}")
            for name, count in counted
        )
        root = safe_text(self._workspace.layout.root)
        return str(Markup("<table><caption>{}</caption><tbody>{}</tbody></table>").format(root, rows))

    def _rows(self, what: str, country: str | None, target: str | None, since: When, until: When) -> Rows:
        filters = Filters(
            country=country.upper() if country else None,
            target=target.lower() if target else None,
            since=_moment(since, last=False),
            until=_moment(until, last=True),
        )
        listing, values = LISTINGS[what], []
        where = " AND layer = 'all'" if what == "verdicts" else ""
        for expression, value, test in (
            (listing.country, filters.country, "{} = {}"),
            (listing.target, filters.target, ""),
            (listing.end, filters.since, "{} >= {}"),
            (listing.start, filters.until, "{} < {}"),
        ):
            if value is None:
                continue
            values.append(value)
            place = f"${len(values)}"
            where += f" AND ({test.format(expression, place) if test else expression.replace('{0}', place)})"
        order = ", ".join(f'v."{name}" NULLS FIRST' for name in TABLES[what].key)
        query = f"SELECT v.* FROM {what} AS v WHERE true{where} ORDER BY {order}"
        return Rows(self._con, what, query, values, filters)


def open_workspace(root: str | Path) -> Opened:
    """Opens a workspace for reading; `wallwatch.open` is the same.

    Raises:
        WallwatchError: The folder is not a workspace.
    """
    return Opened(root)


def _moment(when: When, *, last: bool) -> datetime | None:
    if when is None:
        return None
    if isinstance(when, datetime):
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    return parse_time(when if isinstance(when, str) else when.isoformat(), last=last)


def _needed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise WallwatchError(f"this needs {name}; install it with: pip install {name}") from None


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list):
        return safe_text(", ".join(str(item) for item in value), _LETTERS)
    return safe_text(f"{value:.3f}" if isinstance(value, float) else value, _LETTERS)


def _bars(days: list[tuple[date, int, int]], title: str) -> Markup:
    """A bar a day: its height all measurements, its dark part those found blocked."""
    if not days:
        return Markup("")
    first, last = days[0][0], days[-1][0]
    span = (last - first).days + 1
    width, height, most = 720.0, 120.0, max(all_ for *_, all_ in days) or 1
    step = width / span
    bars = Markup("").join(
        Markup(
            '<g><title>{}</title><rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="#9db4c0"/>'
            '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="#8a1c1c"/></g>'
        ).format(
            f"{day}: {bad} of {all_} found blocked",
            x := (day - first).days * step,
            20 + height * (1 - all_ / most),
            max(step - 1, 0.5),
            height * all_ / most,
            x,
            20 + height * (1 - bad / most),
            max(step - 1, 0.5),
            height * bad / most,
        )
        for day, bad, all_ in days
    )
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 160" width="720" role="img" aria-label="{title}">'
        '<title>{title}</title><text x="0" y="12" font-size="11" font-family="sans-serif">{title}</text>{bars}'
        '<text x="0" y="156" font-size="11" font-family="sans-serif">{first}</text>'
        '<text x="720" y="156" font-size="11" font-family="sans-serif" text-anchor="end">{last}</text></svg>'
    ).format(title=escape(safe_text(title, 160)), bars=bars, first=str(first), last=str(last))

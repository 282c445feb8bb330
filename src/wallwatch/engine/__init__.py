"""Where tables live and queries run: Parquet files in a workspace, DuckDB over them."""

from wallwatch.engine.workspace import Parts, Workspace, by_day, database, write_parts, write_rows

__all__ = ["Parts", "Workspace", "by_day", "database", "write_parts", "write_rows"]

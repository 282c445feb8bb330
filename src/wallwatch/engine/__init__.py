"""Where tables live and queries run: Parquet files in a workspace, DuckDB over them."""

from wallwatch.engine.workspace import Workspace, by_day, write_rows

__all__ = ["Workspace", "by_day", "write_rows"]

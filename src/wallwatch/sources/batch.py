"""What every reader gives: rows of the tables, a bounded number at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows read from a stretch of one file.

    Attributes:
        tables: Table name (`measurements`, `observations`, `controls`, `signals`, `quarantine`,
            `statements`) to an Arrow table with exactly that table's schema; absent names have no rows.
        bytes_read: Decompressed bytes that the stretch held.
    """

    tables: dict[str, pa.Table] = field(default_factory=dict)
    bytes_read: int = 0

    def rows(self, name: str) -> int:
        """How many rows it has for a table."""
        table = self.tables.get(name)
        return 0 if table is None else table.num_rows

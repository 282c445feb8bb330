"""What a fetch did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Summary:
    """What a fetch did.

    Attributes:
        fetched: Files downloaded.
        present: Files that were here already, whole and unchanged.
        bytes_fetched: Bytes downloaded.
        paths: The files, whether fetched or present, sorted.
        failed: What could not be brought, a sentence each; a caller's exit status is 1 where there are any.
    """

    fetched: int = 0
    present: int = 0
    bytes_fetched: int = 0
    paths: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The summary as lines for a person."""
        came = f"{self.fetched:,} files fetched ({self.bytes_fetched:,} bytes)"
        said = [f"{came}, {self.present:,} were here already, {len(self.failed):,} failed"]
        said += [f"failed: {reason}" for reason in self.failed[:20]]
        if len(self.failed) > 20:
            said.append(f"… and {len(self.failed) - 20:,} more")
        if self.failed:
            said.append("run the same command again: what is here already is not fetched twice")
        return said

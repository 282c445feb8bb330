"""Running again as files arrive, and telling what is new: once for each event and material change."""

from wallwatch.watch.loop import Options, watch

__all__ = ["Options", "watch"]

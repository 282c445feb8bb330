"""Browser Web: whether a page loads in an ordinary browser, as the browser says."""

from __future__ import annotations

from wallwatch.sources.ooni.nettests.base import Status, input_host, service

NETTESTS = (
    service(
        "browser_web",
        Status("result", "web"),
        Status("load_time_ms", "web"),
        Status("browser_name", "web"),
        target=input_host,
    ),
)

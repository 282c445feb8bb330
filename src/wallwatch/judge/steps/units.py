"""Observations by unit: the host, or the pool of endpoints that a service test's row belongs to."""

from __future__ import annotations

from wallwatch.judge.services import SERVICES, TOOLS
from wallwatch.judge.steps.words import any_like, quoted


def _unit() -> str:
    cases = []
    for service in SERVICES:
        for pool in service.pools:
            tests = []
            if pool.addresses:
                tests.append(
                    "host IS NULL OR host = ip OR host NOT SIMILAR TO '.*[a-z].*' OR host LIKE '%:%'"
                )
            if pool.hosts:
                tests.append(any_like("host", pool.hosts))
            cases.append(
                f"WHEN nettest = {quoted(service.nettest)} AND ({' OR '.join(tests)}) THEN {quoted(pool.name)}"
            )
    tools = ", ".join(quoted(tool) for tool in TOOLS)
    cases.append(f"WHEN nettest IN ({tools}) THEN nettest")
    return "CASE " + " ".join(cases) + " ELSE host END"


#: Observations that name what they are about; `unit` is what is judged.
UNITS = f"""
CREATE OR REPLACE TEMP VIEW judge_units AS
SELECT *, measurement_id AS m, {_unit()} AS unit
FROM observations
WHERE layer <> 'step' OR nettest IN ({", ".join(quoted(tool) for tool in TOOLS)})
"""

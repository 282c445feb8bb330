"""Questions made up from the API's own document (Schemathesis): no server error, and answers as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import Demo
from wallwatch import web

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402

if TYPE_CHECKING:
    from schemathesis import Case


#: Questions for each address.
EACH = 20


def test_no_question_breaks_the_server_and_answers_are_as_described(demo: Demo) -> None:
    """Trap X8."""
    app = web.create_app(demo.folder / "workspace", hosts=["*"])
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    checks = [
        schemathesis.checks.not_a_server_error,
        *(
            schemathesis.checks.CHECKS.get_one(f"{name}_conformance")
            for name in ("status_code", "content_type", "response_schema")
        ),
    ]
    asked = set()
    for found in document.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EACH,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Case) -> None:
            asked.add(case.path)
            case.call_and_validate(checks=checks)

        ask()
    assert {"/api/v1/aggregation", "/api/wallwatch/v1/events", "/{lang}/find.html"} <= asked

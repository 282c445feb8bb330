"""What answers look like, for the API's OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer", "minimum": 0}
_ADDRESS: Final = {"type": ["string", "null"]}


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


_ERROR: Final = {"content": {"application/json": {"schema": _object(error=_TEXT)}}}

#: What every address may answer instead; these are FastAPI's `responses`.
OTHERWISE: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "The asker has it already (`If-None-Match`)."},
    "4XX": {"description": "The question is wrong, or there is no such thing.", **_ERROR},
    503: {"description": "The question took too long, or the data changed meanwhile.", **_ERROR},
}


def _found(words: str, **types: Any) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": words, "content": {name: {"schema": schema} for name, schema in types.items()}}
    }


_RECORD: Final = {"type": "object"}

RECORDS: Final = _found(
    "The records: a page of JSON, or the whole in another form.",
    **{
        "application/json": _object(
            metadata=_object(limit=_NUMBER, offset=_NUMBER, next=_ADDRESS, state=_TEXT),
            results={"type": "array", "items": _RECORD},
        ),
        "application/jsonl": _TEXT,
        "text/csv": _TEXT,
        "application/vnd.apache.parquet": {"type": "string", "format": "binary"},
    },
)
EXPLANATION: Final = _found(
    "How it was judged; the fields depend on what it is.",
    **{"application/json": _object(explains={"enum": ["event", "outage", "revision", "verdict"]})},
)

_COUNTS: Final = _object(
    anomaly_count=_NUMBER,
    confirmed_count=_NUMBER,
    failure_count=_NUMBER,
    ok_count=_NUMBER,
    measurement_count=_NUMBER,
)
AGGREGATION: Final = _found(
    "Counts: one object without axes, else a list that has the axes too.",
    **{
        "application/json": _object(
            dimension_count={"type": "integer", "minimum": 0, "maximum": 2},
            result={"oneOf": [_COUNTS, {"type": "array", "items": _COUNTS}]},
            v={"const": 0},
        ),
        "text/csv": _TEXT,
    },
)
_FLAG: Final = {"type": "boolean"}
MEASUREMENTS: Final = _found(
    "A page of measurements.",
    **{
        "application/json": _object(
            metadata=_object(
                count={"type": "integer"},
                current_page=_NUMBER,
                limit=_NUMBER,
                next_url=_ADDRESS,
                offset=_NUMBER,
                pages={"type": "integer"},
                query_time={"type": "number"},
            ),
            results={
                "type": "array",
                "items": _object(
                    anomaly=_FLAG,
                    confirmed=_FLAG,
                    failure=_FLAG,
                    input=_ADDRESS,
                    measurement_start_time=_TEXT,
                    measurement_uid=_TEXT,
                    measurement_url=_ADDRESS,
                    probe_asn=_TEXT,
                    probe_cc=_TEXT,
                    report_id=_TEXT,
                    scores=_RECORD,
                    test_name=_TEXT,
                ),
            },
        )
    },
)
PAGE: Final = _found("The page.", **{"text/html": _TEXT})
FEED: Final = _found("The feed.", **{"application/atom+xml": _TEXT})
ELSEWHERE: Final[dict[int | str, dict[str, Any]]] = {307: {"description": "Where it is."}}

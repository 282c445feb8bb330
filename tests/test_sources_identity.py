"""What a measurement's id is made from."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wallwatch.sources.ooni.identity import digest, long_bodies

PAGE = '<p>Ünicode "quoted" & escaped</p>\n' * 800


def line(bodies: list[Any], **more: Any) -> bytes:
    requests = [{"response": {"body": body, "code": 200}} for body in bodies]
    return json.dumps({"input": "x", **more, "test_keys": {"requests": requests}}).encode()


def test_long_bodies_are_found_where_they_stand() -> None:
    content = line([PAGE, "short", PAGE[::-1], {"format": "base64", "data": "A" * 9_000}, None])
    found = long_bodies(content)
    assert [body.request for body in found] == [0, 2]
    assert [json.loads(content[body.start : body.end]) for body in found] == [PAGE, PAGE[::-1]]


def test_the_digest_is_the_same_with_and_without_known_hashes() -> None:
    content = line([PAGE, PAGE[::-1]])
    found = long_bodies(content)
    hashes = {n: hashlib.sha256(text.encode()).hexdigest() for n, text in enumerate((PAGE, PAGE[::-1]))}
    assert (
        digest(content, found, hashes) == digest(content, found, {}) == digest(content, found, {1: hashes[1]})
    )


def test_every_part_of_the_line_counts() -> None:
    def of(content: bytes) -> str:
        return digest(content, long_bodies(content), {})

    base = line([PAGE, "x" * 5_000])
    others = [
        line([PAGE, "x" * 4_999 + "y"]),
        line(["x" * 5_000, PAGE]),
        line([PAGE + " ", "x" * 5_000]),
        line([PAGE, "x" * 5_000], unread=1),
        base + b" ",
        base.replace(b"200", b"201", 1),
    ]
    assert len({of(base), *map(of, others)}) == 1 + len(others)


def test_odd_shapes_are_hashed_whole() -> None:
    for content in (
        line([PAGE, 7]).replace(b"[{", b'["x",{', 1),
        line([PAGE]).replace(b'"requests"', b'"other"'),
        b"[1]" + b" " * 20_000,
        b"{" + b" " * 20_000,
        line(["\\ud800" * 4_000]).replace(b"\\\\", b"\\"),
    ):
        assert digest(content, long_bodies(content), {}) == hashlib.sha256(content).hexdigest()


@given(st.text(max_size=50), st.integers(0, 60))
def test_the_place_of_a_body_is_exact(text: str, times: int) -> None:
    body = (text + PAGE[:1_000]) * times
    content = line(["", body], note=text)
    for found in long_bodies(content):
        assert json.loads(content[found.start : found.end]) == body


def test_escaping_a_page_otherwise_does_not_make_another_measurement() -> None:
    plain, escaped = line([PAGE]), line([PAGE]).replace(b"<", b"\\u003c")
    assert plain != escaped
    assert digest(plain, long_bodies(plain), {}) == digest(escaped, long_bodies(escaped), {})

"""X3: hostile text is shown as text, wherever it is shown."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from wallwatch._text import csv_text, safe_bytes, safe_json, safe_text


def changes_its_surroundings(text: str) -> bool:
    """Whether any character is a control, a format character that turns direction, or half a surrogate."""
    return any(
        unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        for c in text
    )


@given(st.text())
def test_x3_no_text_can_move_the_cursor_or_turn_the_line(text):
    assert not changes_its_surroundings(safe_text(text))


def test_x3_escapes_are_spelled_out_and_letters_of_every_script_stay():
    assert safe_text("\x1b[2Jمسدود\u202eexe") == "\\x1b[2Jمسدود\\u202eexe"


@given(st.text(), st.integers(1, 40))
def test_a_limit_is_kept(text, limit):
    assert len(safe_text(text, limit)) <= limit


@given(st.binary(max_size=400))
def test_x3_bytes_of_a_bad_line_can_be_shown(raw):
    assert not changes_its_surroundings(safe_bytes(raw))


@given(st.sampled_from("=+-@|%"), st.text(max_size=20))
def test_x3_no_cell_of_a_spreadsheet_is_a_formula(sign, rest):
    assert csv_text(sign + rest).startswith("'")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_x3_json_is_safe_on_a_terminal_and_means_the_same(value):
    text = safe_json(value)
    assert not changes_its_surroundings(text)
    assert json.loads(text) == value

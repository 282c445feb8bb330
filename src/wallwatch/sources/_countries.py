"""Country codes: ISO 3166-1 alpha-3 (and alpha-2 in any case) to alpha-2."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

#: The country of a file that names none: a user-assigned code, which Unicode's CLDR too gives to the unknown.
UNKNOWN = "ZZ"

_ALPHA_2 = re.compile("[A-Z]{2}")


@lru_cache(maxsize=1)
def _alpha_3() -> dict[str, str]:
    text = files("wallwatch.sources").joinpath("data", "iso3166.csv").read_text("ascii")
    pairs = (line.split(",") for line in text.splitlines()[1:])
    return {three: two for two, three in pairs}


def alpha_2(code: str) -> str | None:
    """The two-letter code of a country given by two or three letters; null where the code is none.

    Any two letters pass: user-assigned codes (XW) mark made-up countries, and new ones come.
    """
    code = code.strip().upper()
    return code if _ALPHA_2.fullmatch(code) else _alpha_3().get(code)

"""Commands do not pay for pandas where it happens to be installed, and those who want it still have it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_ASKED = """
import sys
import pyarrow as pa
from wallwatch._arrow import WithoutPandas
with WithoutPandas():
    table = pa.table({"number": pa.array([1, None], pa.int64())})
    table["number"].is_valid().to_numpy()
assert "pandas" not in sys.modules
import pandas
assert pandas.isna(table.to_pandas()["number"][1])
"""


def test_arrow_leaves_pandas_alone_until_it_is_wanted() -> None:
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-c", _ASKED], check=True)

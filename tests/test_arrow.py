"""Commands do not pay for pandas where it happens to be installed, and those who want it still have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Demo
from wallwatch._arrow import WithoutPandas, let_pandas

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


_COMMAND = """
import sys
from wallwatch import cli
try:
    cli.main()
except SystemExit as end:
    assert not end.code
assert "pandas" not in sys.modules
"""


def test_arrow_leaves_pandas_alone_until_it_is_wanted() -> None:
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-c", _ASKED], check=True)


@pytest.mark.parametrize("command", [["show", "outages"], ["show", "cells"], ["report", "--out", "r"]])
def test_no_command_loads_pandas(demo: Demo, tmp_path: Path, command: list[str]) -> None:
    pytest.importorskip("pandas")
    workspace = ["--workspace", str(demo.folder / "workspace")]
    subprocess.run([sys.executable, "-c", _COMMAND, *command, *workspace], check=True, cwd=tmp_path)


def test_who_needs_pandas_ends_the_blocks() -> None:
    with WithoutPandas(), WithoutPandas():
        let_pandas()
        assert not [finder for finder in sys.meta_path if isinstance(finder, WithoutPandas)]

"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout (`WALLWATCH_SHARED_DATA` names another)."""
    path = Path(os.environ.get("WALLWATCH_SHARED_DATA", SHARED))
    if not path.is_dir():
        message = f"the real test data are not at {path}; name their folder in WALLWATCH_SHARED_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path

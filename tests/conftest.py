"""What all tests share."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console import run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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


@dataclass(frozen=True)
class Demo:
    """The finished demo: its folder, and what the command printed."""

    folder: Path
    printed: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, made once for all tests and all workers; nobody writes to it."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent  # shared by the workers
    folder, printed = base / "shared-demo" / "demo", base / "shared-demo" / "printed"
    (base / "shared-demo").mkdir(exist_ok=True)
    with (base / "shared-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.exists():
            ran = run(["demo", "--out", "demo", "--quiet"], base / "shared-demo")
            assert ran.returncode == 0, ran.stderr
            printed.write_text(ran.stdout, encoding="utf-8")
    return Demo(folder, printed.read_text(encoding="utf-8"))


def _executable() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("WALLWATCH_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    message = "Chromium is not installed (apt-get install chromium), or name it in WALLWATCH_CHROMIUM"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = _executable()
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


def arrived(page: Page, where: str) -> None:
    """Wait until the page whose address has `where` in it is there, whole.

    A click returns when the browser has begun to leave; what is asked of the page then may meet one half read.
    """
    page.wait_for_url(lambda url: where in url)

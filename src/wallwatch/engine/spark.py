"""A session of Apache Spark: it hands out work and repeats what is lost; rows are read and written by the tasks themselves."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from wallwatch._arrow import let_pandas
from wallwatch._errors import WallwatchError

_JAVAS = ("java-17-*", "java-21-*", "default-java")


def session(master: str | None = None, options: dict[str, str] | None = None) -> Any:
    """A Spark session.

    Args:
        master: A Spark master (`local[2]`, `spark://host:7077`, `yarn`); what `spark-submit` says where not given.
        options: More settings.

    Raises:
        WallwatchError: PySpark or Java is missing, or Spark does not start.
    """
    let_pandas()
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise WallwatchError(
            "Spark is not installed; install it with: pip install 'wallwatch[spark]'"
        ) from error
    _find_java()
    builder: Any = SparkSession.builder
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):
            # Executors of this machine have what this process has, whatever PATH finds.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.app.name": "wallwatch",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **(options or {}),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        found = builder.getOrCreate()
    except Exception as error:
        raise WallwatchError(f"Spark does not start: {str(error).splitlines()[0]}", status=1) from error
    found.sparkContext.setLogLevel("FATAL")
    return found


def _find_java() -> None:
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return
    for pattern in _JAVAS:
        for home in sorted(Path("/usr/lib/jvm").glob(pattern)):
            if (home / "bin" / "java").exists():
                os.environ["JAVA_HOME"] = str(home)
                return
    raise WallwatchError(
        "Spark needs Java 17 or 21: install openjdk-17-jre-headless (Debian, Ubuntu), or set JAVA_HOME"
    )

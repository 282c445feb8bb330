"""`wallwatch bench`: makes a corpus, measures each stage on it, and compares to an earlier result."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wallwatch import __version__
from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch.bench import connectivity, corpus, detection, judging, measure, scale

#: Lengths of the corpora's lines in bytes, and how many of each there are for one of the first.
_SIZES = ((50_000, 1), (7_500, 6))
#: Lines of a whole run for one of the first.
_RUN = 75


#: The stages of a whole run, by which rows they are counted, and what those are called.
_STAGES = {
    "take_in": ("measurements", "measurements"),
    "judge": ("observations", "observations"),
    "detect": ("verdicts", "verdicts"),
    "report": ("measurements", "measurements"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured.

    Attributes:
        data: The numbers; `reading` by line length, `together` for one file on all cores, `run` for the whole
            way, `added` for one more file, `machine`, `peak_mb`.
    """

    data: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The numbers."""
        return self.data

    def as_text(self) -> str:
        """The numbers as a table."""
        machine = self.data["machine"]
        text = [
            (
                f"wallwatch {self.data['version']} · Python {machine['python']} · {machine['cpus']} CPUs · "
                f"medians of {self.data['repeats']} repeats"
            ),
            "",
            f"{'lines of':>10} {'decompress':>12} {'limit':>12} {'read':>12} {'read':>9} {'write':>12} {'ratio':>7}",
            f"{'bytes':>10} {'per s':>12} {'per s':>12} {'per s':>12} {'MB/s':>9} {'per s':>12} {'':>7}",
        ]
        for row in self.data["reading"]:
            text.append(
                f"{row['line_bytes']:>10,} {row['decompress_per_second']:>12,.0f} "
                f"{row['limit_per_second']:>12,.0f} {row['read_per_second']:>12,.0f} "
                f"{row['read_mb_per_second']:>9,.0f} {row['write_per_second']:>12,.0f} {row['ratio']:>7.2f}"
            )
        run, judged = self.data["run"], self.data["judging"]
        text += [
            "",
            "Per core, by processor time. limit: decompressing and decoding just the needed fields, results dropped.",
            "read: every column of the tables, bodies hashed and matched; write: their Parquet. ratio: read to limit.",
            "",
            *(
                f"{name} of {one['measurements']:,.0f} measurements taken in on 1 core: "
                f"{one['one_seconds']:,.1f} s ({one['one_cpu_seconds']:,.1f} s of processors), "
                f"on {one['workers']:,.0f}: {one['all_seconds']:,.1f} s "
                f"({one['all_cpu_seconds']:,.1f} s): {one['speed_up_ratio']:.2f} times as fast"
                for name, one in (("one file", self.data["together"]), ("16 files", self.data["several"]))
            ),
            "",
            (
                f"whole run on {run['workers']} workers: {run['measurements']:,.0f} measurements of "
                f"{run['line_bytes']:,.0f} bytes on average, {run['observations']:,.0f} observations"
            ),
            f"{'':>10} {'per second':>12}  {'':<14} {'s':>8} {'CPU s':>8} {'fixed':>8} {'limit to CPU':>13} {'to the rest':>12}",
        ]
        for stage, (rows, unit) in _STAGES.items():
            rate = run[rows] / max(run[f"{stage}_seconds"], 1e-9)
            text.append(
                f"  {stage.replace('_', ' '):<8} {rate:>12,.0f}  {unit:<14} {run[f'{stage}_seconds']:>8.2f} "
                + _costs(run, stage)
            )
        text += [
            f"  {'run':<8} {'':>12}  {'the first three':<14} {'':>7} " + _costs(run, "run"),
            "  fixed: CPU seconds that do not grow with the lines; the rest does.",
            f"  peak memory {self.data['peak_mb']:,.0f} MB",
            "",
            (
                f"judging {judged['measurements']:,.0f} simulated measurements, {judged['blocked_share']:.0%} of something "
                f"blocked, on {judged['workers']:,.0f} workers:"
            ),
            (
                f"  {judged['observations']:,.0f} observations and {judged['controls']:,.0f} controls to "
                f"{judged['verdicts']:,.0f} verdicts in {judged['seconds']:,.1f} s ({judged['cpu_seconds']:,.1f} s of "
                f"processors): {judged['observations_per_second']:,.0f} observations/s, "
                f"{judged['observations_per_cpu_second']:,.0f} per processor second"
            ),
            "",
            f"{'history of':>10} {'in all, a file':>16} {'one more: take in':>19} {'all that follows':>17}",
            f"{'files':>10} {'CPU ms':>16} {'CPU ms':>19} {'CPU ms':>17}",
        ]
        for row in self.data["added"]:
            text.append(
                f"{row['files']:>10,} {1e3 * row['history_file_cpu_seconds']:>16,.1f} "
                f"{1e3 * row['take_in_cpu_seconds']:>19,.0f} {1e3 * row['others_cpu_seconds']:>17,.0f}"
            )
        text += [
            "",
            "Files of thirty lines, eight a day: what each costs where many come at once, and what one more costs.",
            "",
            f"{'blocking':>10} {'hours':>8} {'with votes':>12} {'s':>8} {'CPU s':>8} {'series/s':>10} {'CPU ns/hour':>12}",
        ]
        for row in self.data["detection"]:
            text.append(
                f"{row['series']:>10,} {row['hours']:>8,} {row['hours_with_votes']:>12,} {row['seconds']:>8.2f} "
                f"{row['cpu_seconds']:>8.2f} {row['series_per_second']:>10,.0f} "
                f"{1e9 * row['cpu_seconds'] / max(row['hours_with_votes'], 1):>12,.0f}"
            )
        text += [
            "",
            "Scanning series of votes: cost is linear in series and in hours where the last column stays the same.",
            "",
            f"{'signals':>10} {'hours':>8} {'one loss in':>12} {'s':>8} {'CPU s':>8} {'series/s':>10} {'CPU ns/hour':>12}",
        ]
        for row in self.data["connectivity"]:
            text.append(
                f"{row['series']:>10,} {row['hours']:>8,} {row['one_loss_in']:>12,} {row['seconds']:>8.2f} "
                f"{row['cpu_seconds']:>8.2f} {row['series_per_second']:>10,.0f} "
                f"{1e9 * row['cpu_seconds'] / (row['series'] * row['hours']):>12,.0f}"
            )
        text += ["", "Looking for outages in hourly connectivity, the query that reads it included."]
        return "\n".join(text)


def _costs(run: dict[str, float], stage: str) -> str:
    """A stage's processor seconds, those that do not grow, and the limit as a part of all and of those that do."""
    return (
        f"{run[f'{stage}_cpu_seconds']:>8.2f} {run[f'{stage}_fixed_cpu_seconds']:>8.2f} "
        f"{run[f'{stage}_ratio']:>13.2f} {run[f'{stage}_marginal_ratio']:>12.2f}"
    )


def run(
    *,
    lines: int = 400,
    repeats: int = 5,
    series: int = 4_000,
    observations: int = 1_000_000,
    progress: Progress | None = None,
) -> Report:
    """Measures on a corpus that is made for it.

    Args:
        lines: Lines of 50 kB; six times as many of 7.5 kB, 75 times as many of 5 to 60 kB for the whole run, and as
            many small files.
        repeats: How often each stage is measured; medians are given.
        series: Blocking series that are scanned, of a month each; a quarter as many of connectivity.
        observations: Observations that are judged, at least; the country that is simulated for them is smaller where
            they are fewer than 100,000.
        progress: Hears how far it is.
    """
    progress = progress or Silent()
    workers = os.cpu_count() or 1
    known = measure.fingerprints()
    rows = []
    with tempfile.TemporaryDirectory(prefix="wallwatch-bench-") as name:
        folder = Path(name)
        for line_bytes, times in _SIZES:
            progress.stage(f"Measuring on lines of {line_bytes:,} bytes")
            path = folder / f"{line_bytes}.jsonl.gz"
            count = lines * times
            size = corpus.write(path, count, line_bytes)
            seconds = measure.reading(path, repeats, known)
            rows.append(
                {
                    "line_bytes": round(size / count),
                    "lines": count,
                    "decompress_per_second": count / seconds["decompress"],
                    "limit_per_second": count / seconds["limit"],
                    "read_per_second": count / seconds["read"],
                    "read_mb_per_second": size / seconds["read"] / 1e6,
                    "write_per_second": count / measure.writing(path, folder / "parts", known),
                    "ratio": seconds["ratio"],
                }
            )
        progress.stage("Measuring a whole run")
        path, found = measure.growing(lines * _RUN, folder / "run", known, workers)
        progress.stage("Measuring one file on all cores")
        together = measure.together([path], folder / "together", known, workers)
        progress.stage("Measuring sixteen files on all cores")
        paths = measure.several(3 * lines * _RUN, folder / "several")
        several = measure.together(paths, folder / "several-workspaces", known, workers)
        progress.stage("Measuring one more file")
        added = measure.added(lines, folder / "added", known)
        progress.stage("Measuring the judge")
        judged = judging.run(
            folder / "judging", observations, workers, scale=min(1.0, observations / 100_000)
        )
    progress.stage("Measuring detection")
    peak = measure.peak_bytes() / 1e6
    scanned = detection.curve(series)
    progress.stage("Measuring the search for outages")
    signals = connectivity.curve(max(series // 4, 40))
    return Report(
        {
            "version": __version__,
            "machine": {
                "python": platform.python_version(),
                "system": platform.system(),
                "processor": platform.machine(),
                "cpus": workers,
            },
            "repeats": repeats,
            "reading": rows,
            "together": together,
            "several": several,
            "run": {"workers": workers, **found},
            "added": added,
            "judging": judged,
            "detection": scanned,
            "connectivity": signals,
            "peak_mb": peak,
        }
    )


def grow(sizes: Sequence[int], engines: Sequence[str], shape: str, progress: Progress) -> scale.Scale:
    """How cost grows; see `scale.curve`. Uses the folder of temporary files."""
    with tempfile.TemporaryDirectory(prefix="wallwatch-bench-") as name:
        return scale.curve(Path(name), sizes, engines, shape, progress)


def compare(result: Report, earlier: Path) -> str:
    """How this result relates to an earlier one (JSON), number by number; slower by a tenth is marked.

    Raises:
        WallwatchError: The earlier result cannot be read.
    """
    try:
        before = _numbers(json.loads(earlier.read_bytes()))
    except (OSError, ValueError) as error:
        raise WallwatchError(f"{earlier} is no result of `wallwatch bench --format json`: {error}") from error
    text = [f"{'':<40} {'earlier':>14} {'now':>14} {'now/earlier':>12}"]
    for name, now in sorted(_numbers(result.as_dict()).items()):
        if name not in before or not before[name]:
            continue
        ratio = now / before[name]
        worse = ratio < 0.9 if name.endswith(("per_second", "ratio")) else ratio > 1.1
        measured = name.endswith(("seconds", "per_second", "ratio", "peak_mb"))
        mark = "  slower" if measured and worse else ""
        text.append(f"{name:<40} {before[name]:>14,.2f} {now:>14,.2f} {ratio:>12.2f}{mark}")
    return "\n".join(text)


def _numbers(data: Any, name: str = "") -> dict[str, float]:
    """Every number of a result under its path."""
    if isinstance(data, dict):
        return {k: v for key in data for k, v in _numbers(data[key], f"{name}.{key}".strip(".")).items()}
    if isinstance(data, list):
        return {k: v for i, item in enumerate(data) for k, v in _numbers(item, f"{name}.{i}").items()}
    return {name: float(data)} if isinstance(data, int | float) and not isinstance(data, bool) else {}

"""How fast `wallwatch serve` answers over loopback: each kind of page and answer, many at once, and its memory.

The server is a process of its own, started as a person would start it.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch.bench import large

#: Distinct addresses of a kind, each asked for once and then once more.
_EACH: Final = 20
#: Clients at once, and seconds of asking.
_CLIENTS: Final = 8
_SECONDS: Final = 20.0
_API: Final = "/api/wallwatch/v1"


class Server:
    """A server that runs.

    Attributes:
        address: Host and port.
    """

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.address = address
        self._process = process
        self._local = threading.local()

    def get(self, path: str) -> tuple[int, bytes]:
        """Asks on a connection that this thread keeps, a new one where the server has closed it: status and content."""
        for kept in (True, False):
            connection = getattr(self._local, "connection", None) if kept else None
            if connection is None:
                connection = self._local.connection = http.client.HTTPConnection(self.address, timeout=120)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                if not kept:
                    raise
        raise AssertionError

    def records(self, path: str) -> list[dict[str, Any]]:
        """The records of an answer of the API."""
        return list(json.loads(self.get(f"{_API}/{path}")[1])["results"])

    def peak_bytes(self) -> int:
        """The most memory that it has held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return 1_024 * int(status.split("VmHWM:")[1].split()[0])

    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        fields = (
            Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """A server over a workspace, in a process of its own."""
    command = [sys.executable, "-m", "wallwatch", "serve", "--workspace", str(root), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr or ():
                if "http://" in line:
                    yield Server(process, urlsplit(line[line.index("http://") :].split()[0]).netloc)
                    return
            raise WallwatchError("the server did not start")
        finally:
            process.terminate()


def run(
    observations: int,
    *,
    workspace: Path | None = None,
    seconds: float = _SECONDS,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures the server on a large workspace.

    Args:
        observations: How many it has at least.
        workspace: Where it is kept, and used again where it is there; a temporary folder where not given.
        seconds: How long many clients ask at once.
        progress: Hears how far it is.

    Raises:
        WallwatchError: The server did not start.
    """
    progress = progress or Silent()
    with tempfile.TemporaryDirectory(prefix="wallwatch-bench-") as name:
        root = workspace or Path(name) / "workspace"
        if not (root / "wallwatch.json").exists():
            large.write(root, observations, progress=progress)
        progress.stage("Asking the server")
        start = time.perf_counter()
        with serving(root) as server:
            server.get("/en/index.html")
            found: dict[str, Any] = {"first_seconds": time.perf_counter() - start}
            asked = kinds(server)
            found["kinds"] = [
                {"kind": kind, **_measured(server, paths)} for kind, paths in asked.items() if paths
            ]
            known = [path for paths in asked.values() for path in paths]
            found["kept"] = _many(server, known, seconds)
            found["new"] = _many(server, _others(server, set(known)), seconds, once=True)
            found["peak_mb"] = server.peak_bytes() / 1e6
            country = asked["country"][0].rsplit("/", 1)[-1].removesuffix(".html")
        progress.stage("Writing the report of a country")
        found["report"] = _report(root, country, Path(name) / "report")
    return found


def kinds(server: Server) -> dict[str, list[str]]:
    """Kind to addresses of that kind, spread over the workspace."""
    events = server.records("events?limit=1000")
    outages = server.records("outages?limit=1000")
    blocking = [one for one in events if one["kind"] == "blocking"]  # the others may be of no single country
    countries = sorted({one["country"] for one in blocking})
    working = sorted(
        {one["country"] for one in server.records("routes?limit=1000") if one["rate"] is not None}
    )
    by_size = sorted(
        countries, key=lambda code: -sum(len(one["networks"]) for one in events if one["country"] == code)
    )
    networks = sorted({(one["country"], network) for one in blocking for network in one["networks"]})
    some, cut, pairs = _some(events), _some(outages), _some(networks)
    verdicts = [
        row for code in by_size[:4] for row in server.records(f"verdicts?country={code}&limit=5&offset=70")
    ]
    targets = sorted({target for one in events for target in one["targets"]})
    services = sorted({one["service"] for one in events})
    return {
        "overview": [f"/{lang}/index.html" for lang in ("en", "fa", "ar", "ru")],
        "country": [f"/en/country/{code}.html" for code in by_size[:_EACH]],
        "network": [f"/en/network/{code}-{number}.html" for code, number in pairs],
        "event": [f"/en/event/{one['event_id']}.html" for one in some],
        "event (fa)": [f"/fa/event/{one['event_id']}.html" for one in some],
        "outage": [f"/en/outage/{one['outage_id']}.html" for one in cut],
        "service": [f"/en/service/{quote(one)}.html" for one in _some(services)],
        "what works": [f"/en/works/{code}.html" for code in working[:_EACH]],
        "measurement": [f"/en/measurement/{row['measurement_id']}.html" for row in verdicts],
        "data, method": ["/en/data.html", "/en/method.html", "/en/record.html"],
        "embedded chart": [f"/embed/event/{one['event_id']}" for one in some],
        "feed": ["/feed.atom"],
        "api: events": [f"{_API}/events?country={code}" for code in by_size[:_EACH]],
        "api: outages": [f"{_API}/outages?country={code}" for code in by_size[:_EACH]],
        "api: verdicts": [
            *(f"{_API}/verdicts?limit={n}" for n in (10, 100, 1000)),
            *(f"{_API}/verdicts?country={code}" for code in by_size[:8]),
            *(f"{_API}/verdicts?target={quote(one)}" for one in targets[:8]),
            f"{_API}/verdicts?offset=10000",
        ],
        "api: cells": [
            f"{_API}/cells",
            *(f"{_API}/cells?country={one['country']}&target={quote(one['targets'][0])}" for one in some),
        ],
        "api: explain event": [f"{_API}/explain/{one['event_id']}" for one in some],
        "api: explain outage": [f"{_API}/explain/{one['outage_id']}" for one in cut],
        "api: explain measurement": [f"{_API}/explain/{row['measurement_id']}" for row in verdicts],
        "ooni: aggregation": [
            "/api/v1/aggregation?axis_x=probe_cc",
            "/api/v1/aggregation?axis_x=measurement_start_day&axis_y=probe_cc&time_grain=week",
            *(f"/api/v1/aggregation?probe_cc={code}&axis_x=measurement_start_day" for code in by_size[:8]),
            *(f"/api/v1/aggregation?domain={quote(one)}&axis_x=probe_asn" for one in targets[:8]),
        ],
        "ooni: measurements": [
            "/api/v1/measurements",
            *(f"/api/v1/measurements?probe_cc={code}&confirmed=true" for code in by_size[:8]),
            *(f"/api/v1/measurements?domain={quote(one)}&order=asc" for one in targets[:8]),
        ],
    }


def _some(found: Sequence[Any]) -> list[Any]:
    return list(found[:: max(len(found) // _EACH, 1)])[:_EACH]


def _others(server: Server, known: set[str]) -> list[str]:
    """Pages and answers that nobody has asked for yet, shuffled."""
    events = [one for one in server.records("events?limit=1000") if one["kind"] == "blocking"]
    found = [
        path
        for one in events
        for path in (
            f"/en/event/{one['event_id']}.html",
            f"/ru/event/{one['event_id']}.html",
            *(f"/en/network/{one['country']}-{network}.html" for network in one["networks"]),
            f"{_API}/cells?country={one['country']}&target={quote(one['targets'][0])}&limit=50",
            f"/api/v1/aggregation?probe_cc={one['country']}&domain={quote(one['targets'][0])}&axis_x=measurement_start_day",
            f"/api/v1/measurements?probe_cc={one['country']}&domain={quote(one['targets'][0])}",
        )
        if path not in known
    ]
    found = sorted(set(found))
    random.Random(1).shuffle(found)  # noqa: S311 - an order, no secret
    return found


def _ask(server: Server, path: str) -> float:
    """Seconds until the whole answer is there.

    Raises:
        WallwatchError: It is none.
    """
    start = time.perf_counter()
    status, content = server.get(path)
    if status != 200:
        raise WallwatchError(f"{path}: {status} {content[:200]!r}")
    return time.perf_counter() - start


def _measured(server: Server, paths: Sequence[str]) -> dict[str, float]:
    """Of each address, the first answer and the second."""
    cpu = server.cpu_seconds()
    first = sorted(_ask(server, path) for path in paths)
    cpu = server.cpu_seconds() - cpu
    again = sorted(_ask(server, path) for path in paths)
    return {
        "n": len(paths),
        "first_p50_ms": 1e3 * statistics.median(first),
        "first_p95_ms": 1e3 * first[int(0.95 * (len(first) - 1))],
        "first_max_ms": 1e3 * first[-1],
        "first_cpu_ms": 1e3 * cpu / len(paths),
        "again_p50_ms": 1e3 * statistics.median(again),
        "again_max_ms": 1e3 * again[-1],
    }


def _many(server: Server, paths: Sequence[str], seconds: float, *, once: bool = False) -> dict[str, float]:
    """What many clients get in so many seconds, or until every address was asked for once."""
    lock = threading.Lock()
    times: list[float] = []
    place = 0
    start, cpu = time.perf_counter(), server.cpu_seconds()

    def client() -> None:
        nonlocal place
        while time.perf_counter() - start < seconds:
            with lock:
                number, place = place, place + 1
            if once and number >= len(paths):
                return
            took = _ask(server, paths[number % len(paths)])
            with lock:
                times.append(took)

    clients = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    spent = time.perf_counter() - start
    times.sort()
    return {
        "requests": len(times),
        "per_second": len(times) / spent,
        "per_cpu_second": len(times) / max(server.cpu_seconds() - cpu, 1e-9),
        "p50_ms": 1e3 * statistics.median(times),
        "p95_ms": 1e3 * times[int(0.95 * (len(times) - 1))],
    }


def _report(root: Path, country: str, out: Path) -> dict[str, Any]:
    """Wall and processor seconds of the whole report of a country, by the command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "wallwatch", "report", "--workspace", str(root), "--country", country]
    subprocess.run([*command, "--out", str(out), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "country": country,
        "pages": sum(1 for _ in out.rglob("*.html")),
        "seconds": time.perf_counter() - start,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }


def as_text(found: dict[str, Any]) -> str:
    """The numbers as a table."""
    lines = [
        f"{'':<26} {'n':>4} {'first: p50':>11} {'p95':>7} {'max':>7} {'CPU':>7} {'again: p50':>11} {'max':>7}  (ms)"
    ]
    lines += [
        f"{one['kind']:<26} {one['n']:>4} {one['first_p50_ms']:>11,.0f} {one['first_p95_ms']:>7,.0f} "
        f"{one['first_max_ms']:>7,.0f} {one['first_cpu_ms']:>7,.0f} {one['again_p50_ms']:>11,.1f} "
        f"{one['again_max_ms']:>7,.1f}"
        for one in found["kinds"]
    ]
    report = found["report"]
    lines += [
        "",
        f"from the start of the server to its first page: {found['first_seconds']:.1f} s",
        *(
            f"{_CLIENTS} clients at once, {what}: {one['per_second']:,.0f} requests a second "
            f"({one['per_cpu_second']:,.0f} for each second of a processor), p50 {one['p50_ms']:,.0f} ms, "
            f"p95 {one['p95_ms']:,.0f} ms, of {one['requests']:,} requests"
            for what, one in (("asked before", found["kept"]), ("asked for the first time", found["new"]))
        ),
        f"peak memory {found['peak_mb']:,.0f} MB",
        (
            f"report of {report['country']}: {report['pages']:,} pages in {report['seconds']:.1f} s "
            f"({report['cpu_seconds']:.1f} s of processors)"
        ),
    ]
    return "\n".join(lines)

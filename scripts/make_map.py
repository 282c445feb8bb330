"""Makes src/wallwatch/report/data/world.csv and borders.csv, the outlines of countries on the report's maps.

    npm pack world-atlas && tar xzf world-atlas-*.tgz     (Natural Earth, public domain; TopoJSON by M. Bostock, ISC)
    pip install pycountry
    python scripts/make_map.py package/

Outlines are Natural Earth's, which draws borders as they are held in fact; no position is taken by it. Projection:
Natural Earth I (Patterson, Šavrič & Jenny 2011), 1000 units wide. `world.csv` is from 1:110m for the map of the world,
`borders.csv` from 1:50m for maps of countries.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "src" / "wallwatch" / "report" / "data"
Point = tuple[float, float]

#: Shapes that Natural Earth gives no ISO code.
WITHOUT_CODE = {"Kosovo": "XK"}
WIDTH = 1000.0


def project(lon: float, lat: float) -> Point:
    """Natural Earth I: x to the right, y down, from 0."""
    phi = math.radians(lat)
    p2 = phi * phi
    p4 = p2 * p2
    scale = 0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4))
    height = phi * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4)))
    unit = WIDTH / (2 * math.pi * 0.8707)
    return math.radians(lon) * scale * unit + WIDTH / 2, 260 - height * unit


def arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """The arcs as longitude and latitude."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * sx + tx, y * sy + ty))
        found.append(line)
    return found


def simplified(places: list[Point], tolerance: float) -> list[Point]:
    """Douglas and Peucker 1973 on the map, without recursion; in longitude and latitude."""
    line = [project(*place) for place in places]
    keep = [False] * len(line)
    keep[0] = keep[-1] = True
    waiting = [(0, len(line) - 1)]
    while waiting:
        first, last = waiting.pop()
        (ax, ay), (bx, by) = line[first], line[last]
        length = math.hypot(bx - ax, by - ay)
        worst, where = 0.0, 0
        for n in range(first + 1, last):
            x, y = line[n]
            away = (
                abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length
                if length
                else math.hypot(x - ax, y - ay)
            )
            if away > worst:
                worst, where = away, n
        if worst > tolerance:
            keep[where] = True
            waiting += [(first, where), (where, last)]
    return [place for place, kept in zip(places, keep, strict=True) if kept]


def cut(ring: list[Point]) -> list[list[Point]]:
    """A ring that crosses the antimeridian as rings that do not."""
    lons = [ring[0][0]]
    for lon, _ in ring[1:]:
        step = lon - lons[-1]
        lons.append(lon - 360 * round(step / 360))
    lats = [lat for _, lat in ring]
    if min(lons) >= -180.01 and max(lons) <= 180.01:
        return [ring]
    line = 180.0 if max(lons) > 180.01 else -180.0
    whole = list(zip(lons, lats, strict=True))
    inside = _side(whole, line, -1 if line > 0 else 1)
    outside = [(lon - 2 * line, lat) for lon, lat in _side(whole, line, 1 if line > 0 else -1)]
    return [part for part in (inside, outside) if len(part) > 3]


def _side(ring: list[Point], line: float, sign: int) -> list[Point]:
    """What lies on one side of a meridian (Sutherland and Hodgman 1974)."""
    found: list[Point] = []
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        a, b = sign * (ax - line) >= 0, sign * (bx - line) >= 0
        if a:
            found.append((ax, ay))
        if a != b:
            share = (line - ax) / (bx - ax)
            found.append((line, ay + share * (by - ay)))
    return found


def area(ring: list[Point]) -> float:
    """The area of a ring, in square units."""
    return (
        abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True))) / 2
    )


def path(rings: list[list[Point]], places: int, smallest: float) -> str:
    """An SVG path of relative steps; islands too small to see are left out, but never all of a country."""
    largest = max(rings, key=area)
    found = []
    for ring in rings:
        if ring is not largest and area(ring) < smallest:
            continue
        grid = [(round(x, places), round(y, places)) for x, y in ring]
        steps = [f"M{grid[0][0]:g} {grid[0][1]:g}l"]
        x, y = grid[0]
        for nx, ny in grid[1:]:
            dx, dy = round(nx - x, places), round(ny - y, places)
            if dx or dy:
                steps.append(f"{_short(dx)}{'' if dy < 0 else ' '}{_short(dy)} ")
            x, y = nx, ny
        found.append("".join(steps).rstrip() + "z")
    return "".join(found)


def _short(value: float) -> str:
    text = f"{value:g}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def outlines(source: Path, tolerance: float, places: int, smallest: float) -> list[tuple[str, str]]:
    """Code and path of every country, sorted; shapes without a code have an empty one."""
    import pycountry

    topology = json.loads(source.read_bytes())
    lines = [simplified(line, tolerance) for line in arcs(topology)]
    found = []
    for shape in topology["objects"]["countries"]["geometries"]:
        name = shape["properties"]["name"]
        if name == "Antarctica":
            continue
        known = pycountry.countries.get(numeric=shape.get("id", ""))
        code = known.alpha_2 if known else WITHOUT_CODE.get(name, "")
        polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
        rings = []
        for polygon in polygons:
            for ring in polygon:
                points: list[Point] = []
                for index in ring:
                    line = lines[index] if index >= 0 else lines[~index][::-1]
                    points += line[1:] if points else line
                if len(points) > 3:
                    rings += [[project(*point) for point in part] for part in cut(points)]
        if rings:
            found.append((code, path(rings, places, smallest)))
    return sorted(found)


if __name__ == "__main__":
    package = Path(sys.argv[1])
    for name, source, *how in (
        ("world.csv", "countries-110m.json", 0.35, 1, 1.0),
        ("borders.csv", "countries-50m.json", 0.08, 2, 0.05),
    ):
        rows = outlines(package / source, *how)
        with (DATA / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("code", "path"))
            writer.writerows(rows)
        print(name, len(rows), (DATA / name).stat().st_size)

#!/usr/bin/env python3
"""Makes ../districts.json, what the map draws, of the polygons beside this file (README.md):

    python3 agents/console/page/shapes/make.py > agents/console/page/districts.json

Coordinates become whole ten-thousandths of a degree (some 10 m); borders stay shared. Names are left out: they are the
gazetteer's. The country's outline is what borders on nothing: edges that one polygon alone has.
"""
import json
import os
import sys

SCALE = 10000
CODE = "admin2_pcode"


def rings(geometry):
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [[whole(ring) for ring in polygon] for polygon in polygons]


def whole(ring):
    """Points as whole numbers, without two alike beside each other; the last is the first."""
    points = [(round(x * SCALE), round(y * SCALE)) for x, y in ring]
    return [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]


def outline(districts):
    """Closed lines around everything, the longest first; gaps of less than eight edges are slivers."""
    count = {}
    for polygons in districts:
        for ring in (ring for polygon in polygons for ring in polygon):
            for a, b in zip(ring, ring[1:]):
                key = (min(a, b), max(a, b))
                count[key] = count.get(key, 0) + 1
    beside = {}
    for (a, b), times in count.items():
        if times == 1:
            beside.setdefault(a, []).append(b)
            beside.setdefault(b, []).append(a)
    lines = []
    while beside:
        at = min(beside)
        line = [at]
        while beside.get(at):
            following = beside[at].pop(0)
            beside[following].remove(at)
            at = following
            line.append(at)
        beside = {point: others for point, others in beside.items() if others}
        if len(line) > 8:
            lines.append(line)
    return sorted(lines, key=len, reverse=True)


def degrees(line):
    return [[x / SCALE, y / SCALE] for x, y in line]


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "tjk_districts_simplified.geojson"), encoding="utf-8") as file:
        features = json.load(file)["features"]
    districts = [(f["properties"][CODE], rings(f["geometry"])) for f in features]
    text = lambda value: json.dumps(value, separators=(",", ":"))
    lines = ['{"type":"Feature","properties":{"pcode":%s},"geometry":{"type":"MultiPolygon","coordinates":%s}}'
             % (text(code), text([[degrees(ring) for ring in polygon] for polygon in polygons])) for code, polygons in districts]
    border = [degrees(line) for line in outline([polygons for _, polygons in districts])]
    print('{"type":"FeatureCollection","features":[')
    print(",\n".join(lines))
    print('],"outline":{"type":"MultiLineString","coordinates":%s}}' % text(border))
    print("%d polygons, %d points around them" % (len(districts), sum(len(line) for line in border)), file=sys.stderr)


main()

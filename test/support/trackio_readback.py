"""Prints what a project holds as Trackio's own code reads it, media as the hashes of their files. Numbers are texts."""

import hashlib
import json
import sys

from trackio.sqlite_storage import SQLiteStorage
from trackio.utils import MEDIA_DIR


def number(value):
    return repr(float(value))


def media(value):
    return hashlib.sha256((MEDIA_DIR / value["file_path"]).read_bytes()).hexdigest()


def read(value):
    """Kind and content of a value; None for what is no value of a chart, a gallery or a report."""
    if isinstance(value, (int, float)):
        return ["scalars", number(value)]
    kind = value.get("_type") if isinstance(value, dict) else None
    if kind == "trackio.histogram":
        return ["histograms", [number(each) for each in value["values"]]]
    if kind == "trackio.image":
        return ["images", [media(value)]]
    if kind == "trackio.audio":
        return ["audio", [media(value)]]
    if kind == "trackio.markdown":
        return ["text", value["_value"]]
    if kind == "trackio.table" and value["_value"] and "images" in value["_value"][0]:
        return ["images", [media(each) for each in value["_value"][0]["images"]]]
    return None


project = sys.argv[1]
runs = {}
for record in SQLiteStorage.get_run_records(project):
    points = []
    for log in SQLiteStorage.get_logs(project, run=None, run_id=record["id"], max_points=None):
        step = str(log.pop("step"))
        del log["timestamp"]
        points += [[key, step, *found] for key, value in log.items() if (found := read(value)) is not None]
    runs[record["id"]] = points
json.dump(runs, sys.stdout)

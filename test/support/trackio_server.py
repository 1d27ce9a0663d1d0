"""Serves Trackio's dashboard and API on a loopback port, as `trackio show` does, without opening a browser."""

import sys

import uvicorn
from trackio.server import build_starlette_app_only

app, _ = build_starlette_app_only()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

#!/usr/bin/env python3
"""Imports an offline session with the official SDK, as a user does, and prints the id of the task that it became."""
import sys

from clearml import Task

print("task %s" % Task.import_offline_session(sys.argv[1]))

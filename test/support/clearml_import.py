#!/usr/bin/env python3
"""Imports offline sessions with the official SDK, as a user does, and prints how many."""
import sys

from clearml import Task

for folder in sys.argv[1:]:
    Task.import_offline_session(folder)
print("imported %d" % (len(sys.argv) - 1))

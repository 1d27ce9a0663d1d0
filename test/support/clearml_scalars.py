#!/usr/bin/env python3
"""Reports scalars point by point with the official SDK, flushes, and prints how long that took: PROJECT NAME TAGS STEPS."""
import os
import sys
import time

from clearml import Task

project, name, tags, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
task = Task.init(project_name=project, task_name=name, reuse_last_task_id=False, auto_connect_frameworks=False,
                 auto_connect_arg_parser=False, auto_resource_monitoring=False, auto_connect_streams=False)
logger = task.get_logger()
began = time.perf_counter()
for step in range(steps):
    for tag in range(tags):
        logger.report_scalar(title="train", series="tag%d" % tag, value=1.0 / (1 + step + tag), iteration=step)
task.flush(wait_for_uploads=True)
print("seconds %f" % (time.perf_counter() - began), flush=True)
# All is stored. The end of the task would wait for the SDK's look at the repository, on a busy machine for minutes.
os._exit(0)

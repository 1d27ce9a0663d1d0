"""Reads everything an MLflow experiment holds through the official client: it shares no code with who wrote it.

    python mlflow_readback.py TRACKING_URI EXPERIMENT_NAME [--files]

Prints a list of runs as JSON. Integers are digits and values what `repr` says, so that no reader rounds them. With --files every artifact is
downloaded: what it is made of, and the lines of those that hold points.
"""
import hashlib
import json
import os
import sys
import tempfile

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import mlflow.artifacts
from mlflow.entities import ViewType


def pages(call, **arguments):
    token = None
    while True:
        page = call(page_token=token, **arguments)
        yield from page
        token = page.token
        if not token:
            return


def files(client, run_id, folder=None):
    for entry in client.list_artifacts(run_id, folder):
        if entry.is_dir:
            yield from files(client, run_id, entry.path)
        else:
            yield entry.path


def contents(run_id, paths):
    found, lines = [], []
    if not paths:
        return {"files": found, "lines": lines}
    with tempfile.TemporaryDirectory() as folder:
        mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=folder)
        for path in paths:
            with open(os.path.join(folder, path), "rb") as file:
                data = file.read()
            found.append([path, len(data), hashlib.sha256(data).hexdigest()])
            if path.startswith("mirrorboard/points-"):
                lines += data.decode().splitlines()
    return {"files": found, "lines": lines}


def main(uri, name, with_files=None):
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        sys.exit(f"there is no experiment {name!r}")
    runs = []
    for run in pages(client.search_runs, experiment_ids=[experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY):
        run_id = run.info.run_id
        metrics = {}
        for key in run.data.metrics:
            history = client.get_metric_history(run_id, key)
            metrics[key] = sorted([str(m.step), str(m.timestamp), repr(float(m.value))] for m in history)
        artifacts = sorted(files(client, run_id))
        runs.append(
            {
                "id": run_id,
                "name": run.info.run_name,
                "status": run.info.status,
                "metrics": metrics,
                "params": run.data.params,
                "tags": run.data.tags,
                "artifacts": artifacts,
                "datasets": [
                    [item.dataset.name, item.dataset.digest, [tag.value for tag in item.tags if tag.key == "mlflow.data.context"]]
                    for item in (run.inputs.dataset_inputs if run.inputs else [])
                ],
                "versions": [
                    [version.name, str(version.version), version.source, sorted(version.tags)]
                    for version in client.search_model_versions(f"run_id = '{run_id}'")
                ],
                **(contents(run_id, artifacts) if with_files else {}),
            }
        )
    json.dump(runs, sys.stdout)


main(*sys.argv[1:])

"""Records how the libraries of services that host MLflow address, authorize and sign requests; prints JSON.

Needs sagemaker-mlflow, azureml-mlflow and databricks-sdk. No service is reached: signatures are made at a fixed time
with made-up keys, and token endpoints are stand-ins.
"""

import contextlib
import datetime
import json
import os
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock
from urllib.parse import parse_qsl, quote

for variable in list(os.environ):
    if variable.startswith(("AWS_", "AZURE", "DATABRICKS_", "MLFLOW_", "SAGEMAKER_")):
        del os.environ[variable]
os.environ["HOME"] = tempfile.mkdtemp()
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

AT = datetime.datetime(2026, 3, 4, 5, 6, 7)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ARNS = [
    "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/curves",
    "arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:mlflow-app/app-ABC123",
]
BATCH = json.dumps({"run_id": "r1", "metrics": [{"key": "loss/val \u00fc", "value": 0.5, "timestamp": 1, "step": 2}]})
HISTORY = {"run_id": "r1", "metric_key": "loss/val (a+b) \u00fc&=~*'!", "max_results": "25000"}
ARTIFACT = "/api/2.0/mlflow-artifacts/artifacts/1/r1/artifacts/images/a%20b%C3%BC%2Bc.png"
REQUESTS = [
    ("POST", "/api/2.0/mlflow/runs/log-batch", {}, BATCH),
    ("GET", "/api/2.0/mlflow/metrics/get-history", HISTORY, None),
    ("GET", "/api/2.0/mlflow/experiments/get-by-name", {"experiment_name": ""}, None),
    ("PUT", ARTIFACT, {}, "\u0000PNG"),
    ("GET", "/health", {}, None),
]
SIGNED = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]


def query_text(query):
    """Encodes a query as the official client does, but a blank as %20, which its plugin turns it into."""
    parts = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items()]
    return "?" + "&".join(parts) if parts else ""


def sagemaker():
    import requests
    from botocore.credentials import Credentials
    from sagemaker_mlflow.auth_provider import AuthProvider
    from sagemaker_mlflow.mlflow_sagemaker_helpers import SageMakerMLflowHostMetadataProvider
    from sagemaker_mlflow.mlflow_sagemaker_request_header_provider import MlflowSageMakerRequestHeaderProvider

    servers = []
    for arn, token in [(arn, token) for arn in ARNS for token in (None, "session-token/EXAMPLE==")]:
        os.environ["MLFLOW_TRACKING_URI"] = arn
        host = SageMakerMLflowHostMetadataProvider()
        host.set_arn(arn)
        endpoint = host.construct_tracking_server_url()
        own = MlflowSageMakerRequestHeaderProvider().request_headers()
        session = mock.Mock()
        session.get_credentials.return_value = Credentials(KEY, SECRET, token)
        with mock.patch("boto3.Session", return_value=session):
            auth = AuthProvider().get_auth()
        signed = []
        for method, path, query, body in REQUESTS:
            headers = {"accept": "application/json", **own}
            if body is not None:
                headers["content-type"] = "application/json"
            data = None if body is None else body.encode()
            request = requests.Request(method, endpoint + path + query_text(query), headers=headers, data=data).prepare()
            request.headers["Connection"] = "keep-alive"
            # The client adds the length by itself when it sends.
            request.headers.pop("Content-Length", None)
            url = request.url
            with mock.patch("botocore.auth.get_current_datetime", return_value=AT):
                done = auth(request)
            sent = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in done.headers.items()}
            added = {name: sent[name] for name in SIGNED if name in sent}
            signed.append({"method": method, "url": url, "headers": headers, "body": body, "added": added})
        servers.append({"arn": arn, "endpoint": endpoint, "own": own, "sessionToken": token, "requests": signed})
    return {"at": AT.isoformat() + "Z", "accessKeyId": KEY, "secretAccessKey": SECRET, "servers": servers}


AZURE_PATH = "/subscriptions/S-1/resourceGroups/my-Group/providers/Microsoft.MachineLearningServices/workspaces/curves"
AZURE_HOSTS = [
    ("AzureCloud", "westeurope.api.azureml.ms"),
    ("AzureChinaCloud", "chinaeast2.api.ml.azure.cn"),
    ("AzureUSGovernment", "usgovvirginia.api.ml.azure.us"),
]


class TokenTransport:
    """Answers azure-identity as the token endpoint does, and keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def open(self):
        pass

    def close(self):
        pass

    def send(self, request, **_):
        address = request.url.split("?")[0]
        base = address.split("/v2.0/")[0].split("/oauth2/")[0]
        if request.method == "POST":
            body = request.body if isinstance(request.body, (dict, str)) else dict(request.body or {})
            self.asked.append({"url": address, "form": dict(parse_qsl(body)) if isinstance(body, str) else dict(body)})
            answer = {"access_token": "T", "token_type": "Bearer", "expires_in": 3600}
        elif "/discovery/" in address:
            answer = {"tenant_discovery_endpoint": base + "/v2.0/.well-known/openid-configuration", "metadata": []}
        else:
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
            answer = {name: f"{base}/oauth2/v2.0/{end}" for name, end in ends.items()} | {"issuer": base + "/v2.0"}
        response = mock.Mock()
        response.http_response = response
        response.status_code = 200
        response.headers = {"Content-Type": "application/json"}
        response.content_type = "application/json"
        response.text = lambda *_, **__: json.dumps(answer)
        response.body = lambda: json.dumps(answer).encode()
        response.context = {}
        return response


def azure():
    from azure.identity import ClientAssertionCredential, ClientSecretCredential
    from azureml.mlflow._internal.service_context_loader import _AzureMLServiceContextLoader
    from azureml.mlflow._store.tracking.store import AzureMLRestStore

    places = []
    for cloud, host in AZURE_HOSTS:
        os.environ["AZUREML_CURRENT_CLOUD"] = cloud
        uri = f"azureml://{host}/mlflow/v1.0{AZURE_PATH}"
        context = _AzureMLServiceContextLoader.load_service_context(uri)
        scopes = []
        context._auth = mock.Mock()
        context._auth.get_token = lambda *scope: scopes.extend(scope) or mock.Mock(token="T")
        creds = AzureMLRestStore(context).get_host_credentials()
        requests = {}
        authority = context.cloud._get_authority()
        for kind, make in {
            "secret": lambda **rest: ClientSecretCredential("tenant-1", "id-1", "s e+cret", **rest),
            "assertion": lambda **rest: ClientAssertionCredential("tenant-1", "id-1", lambda: "proof-1", **rest),
        }.items():
            transport = TokenTransport()
            with contextlib.suppress(Exception):
                make(authority=authority, transport=transport, disable_instance_discovery=True).get_token(*scopes)
            asked = transport.asked[0]
            wanted = ["client_id", "client_secret", "client_assertion", "client_assertion_type", "grant_type", "scope"]
            requests[kind] = {"url": asked["url"], "form": {name: asked["form"][name] for name in wanted if name in asked["form"]}}
        places.append({"uri": uri, "endpoint": creds.host, "requests": requests})
    return places


class Workspace(BaseHTTPRequestHandler):
    """A Databricks workspace that hands out tokens."""

    asked = []

    def log_message(self, *_):
        pass

    def answer(self, value):
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        host = f"http://{self.headers['Host']}"
        base = host + "/oidc/v1/"
        if self.path.endswith("/databricks-config"):
            self.answer({"oidc_endpoint": host + "/oidc", "account_id": "a-1", "workspace_id": "7"})
        elif self.path.endswith("/oauth-authorization-server"):
            self.answer({"authorization_endpoint": base + "authorize", "token_endpoint": base + "token"})
        else:
            self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append({"path": self.path, "authorization": self.headers["Authorization"], "form": dict(parse_qsl(body))})
        self.answer({"access_token": "T", "token_type": "Bearer", "expires_in": 3600})


CONFIG = """; written by hand
[DEFAULT]
host = https://default.cloud.databricks.com/
token = dapi-default

[Team-A]
# an account of a robot
HOST: adb-1.2.azuredatabricks.net
token= dapi=team
"""


def databricks():
    from databricks.sdk.core import Config
    from mlflow.utils.databricks_utils import _construct_databricks_run_url, get_databricks_host_creds

    path = os.path.join(os.environ["HOME"], ".databrickscfg")
    with open(path, "w") as file:
        file.write(CONFIG)
    variables = {"DATABRICKS_HOST": "https://env.cloud.databricks.com", "DATABRICKS_TOKEN": "dapi-env"}
    others = {"MLFLOW_TRACKING_TOKEN": "t-1", "MLFLOW_TRACKING_USERNAME": "u-1", "MLFLOW_TRACKING_PASSWORD": "p-1"}
    cases = [
        ("databricks", {}),
        ("databricks://Team-A", {}),
        ("databricks", variables),
        ("databricks://Team-A", variables),
        ("databricks", {**variables, "DATABRICKS_CONFIG_PROFILE": "Team-A"}),
        ("databricks", {**variables, **others}),
        ("databricks://Team-A", others),
    ]
    places = []
    for uri, env in cases:
        with mock.patch.dict(os.environ, {**env, "MLFLOW_ENABLE_DB_SDK": "false"}):
            creds = get_databricks_host_creds(uri)
        places.append({"uri": uri, "env": env, "host": creds.host, "token": creds.token})
    os.remove(path)
    server = HTTPServer(("127.0.0.1", 0), Workspace)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    header = Config(host=host, client_id="id-1", client_secret="s e+cret").authenticate()
    server.shutdown()
    return {
        "config": CONFIG,
        "places": places,
        "token": Workspace.asked[0],
        "header": header,
        "run": _construct_databricks_run_url("https://env.cloud.databricks.com", "12", "r1"),
    }


print(json.dumps({"sagemaker": sagemaker(), "azure": azure(), "databricks": databricks()}, indent=2))

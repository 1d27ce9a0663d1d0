"""Reads offline folders with the official client's own messages: it shares no code with who wrote them.

    python wandb_readback.py FOLDER...

Prints, by folder, the run and its rows as JSON; the value of each key is its text, so that no reader rounds it.
"""
import glob
import json
import os
import struct
import sys
import zlib

from wandb.proto import wandb_internal_pb2 as messages

BLOCK = 32768


def records(content):
    assert content[:7] == b":W&B\xe1\xbe\x00", "not the head of a file of records"
    at, parts = 7, b""
    while at < len(content):
        room = BLOCK - at % BLOCK
        if room < 7:
            assert not content[at : at + room].strip(b"\0"), f"byte {at}: the end of a block is not zero"
            at += room
            continue
        checksum, length, kind = struct.unpack_from("<IHB", content, at)
        data = content[at + 7 : at + 7 + length]
        assert len(data) == length and length + 7 <= room, f"byte {at}: a chunk is cut"
        assert zlib.crc32(bytes([kind]) + data) == checksum, f"byte {at}: a wrong checksum"
        at += 7 + length
        parts = data if kind in (1, 2) else parts + data
        if kind in (1, 4):
            yield parts


def read(folder):
    (path,) = glob.glob(os.path.join(folder, "*.wandb"))
    run = {"rows": [], "files": [], "config": {}, "exit": None}
    with open(path, "rb") as file:
        content = file.read()
    for data in records(content):
        record = messages.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run.update(id=record.run.run_id, project=record.run.project, name=record.run.display_name)
            run["config"].update({item.key: item.value_json for item in record.run.config.update})
        elif kind == "config":
            run["config"].update({item.key: item.value_json for item in record.config.update})
        elif kind == "history":
            run["rows"].append({item.key: item.value_json for item in record.history.item})
        elif kind == "files":
            run["files"] += [file.path for file in record.files.files]
        elif kind == "exit":
            run["exit"] = record.exit.exit_code
    for name in run["files"]:
        assert os.path.exists(os.path.join(folder, "files", name)), f"{name} is named, and not there"
    return run


json.dump({folder: read(folder) for folder in sys.argv[1:]}, sys.stdout)

#!/usr/bin/env python3
"""A policy on Vowpal Wabbit: its contextual bandit explores, and its model, as it saves it, is the state."""
import base64
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
import vowpalwabbit

OPTIONS = "--cb_explore_adf --epsilon 0.1 -b 8 --interactions :: --save_resume --quiet"


def with_model(state, work):
    with TemporaryDirectory() as folder:
        path = Path(folder, "model")
        path.write_bytes(base64.b64decode(state or ""))
        return work(vowpalwabbit.Workspace(OPTIONS + (f" -i {path}" if state else ""), enable_logging=False), path)


def lines(request, label=""):
    def text(values):
        return " ".join("".join(c if c.isalnum() else "_" for c in f"{k}={v}") if isinstance(v, str) else f"{k}:{v}"
                        for k, v in values.items() if k != "id" and v is not None)
    moment = {"hour": str(int(request["context"]["hour"])), "weekday": str(request["context"]["weekday"])}
    return [f"shared |c {text(moment)}"] + [f"{label}|a {text(c)}" for c in request["candidates"]]


def learn(state, request, reward, **_):
    def work(model, path):
        model.learn(lines(request, f"0:{-reward}:1 "))
        model.save(str(path))
        return base64.b64encode(path.read_bytes()).decode()
    return with_model(state, work)


for call in map(json.loads, sys.stdin):
    answer = {"hello": lambda: {"protocol": 1}, "learn": lambda: {"states": [learn(**i) for i in call["items"]]},
              "decide": lambda: {"probabilities": [with_model(i["state"], lambda model, _: model.predict(
                  lines(i["request"]))) for i in call["items"]]}}
    print(json.dumps({"id": call["id"], **answer[call["call"]]()}), flush=True)

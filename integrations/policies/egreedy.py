#!/usr/bin/env python3
"""The built-in policy egreedy-v2 as a program: plain Python, no packages. It says how a program is written."""
import json, math, sys

EPSILON, D = 0.1, 12


def vector(context, candidate, profile):
    """What feature set v2 sees of a candidate: docs/request.md has the list."""
    own = (profile.get("by_kind") or {}).get(candidate.get("kind") or "", {})

    def known(name):
        value = own.get(name)
        return profile.get(name) if value is None else value

    def get(name, unknown):
        value = candidate.get(name)
        return unknown if value is None else value

    angle = 2 * math.pi * get("hour", context["hour"]) / 24
    due, preferred = candidate.get("due_in_days"), known("preferred_hour")
    toward = 2 * math.pi * (preferred or 0) / 24
    return [
        1.0, math.sin(angle), math.cos(angle), float(context["weekday"] >= 5), get("priority", 0.5),
        0.0 if due is None else 0.0 if due > 2000 else 1 / (1 + math.exp(due / 3)),
        min(get("effort_minutes", 15.0), 60) / 60,
        known("completion_rate") or 0.0, known("dismiss_rate") or 0.0,
        min(known("mean_dwell_seconds") or 0.0, 600) / 600,
        0.0 if preferred is None
        else math.cos(angle) * math.cos(toward) + math.sin(angle) * math.sin(toward),
        min(1.0, math.log1p(known("tip_volume") or 0.0) / math.log(1001)),
    ]


def vectors(request):
    profile = request.get("profile_features") or {}
    return [vector(request["context"], candidate, profile) for candidate in request["candidates"]]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def begun(state):
    """A state is all that is kept of a user; null before the first reward."""
    return state or {"V": [[float(i == j) for j in range(D)] for i in range(D)], "b": [0.0] * D}


def decide(item):
    state = begun(item["state"])
    theta = [dot(row, state["b"]) for row in state["V"]]
    scores = [dot(theta, x) for x in vectors(item["request"])]
    best, n = max(scores), len(scores)
    ties = sum(score == best for score in scores)
    return [EPSILON / n + (1 - EPSILON) / ties if score == best else EPSILON / n for score in scores]


def learn(item):
    state, x = begun(item["state"]), vectors(item["request"])[0]
    Vx = [dot(row, x) for row in state["V"]]
    scale = 1 + dot(x, Vx)
    V = [[v - Vx[i] * Vx[j] / scale for j, v in enumerate(row)] for i, row in enumerate(state["V"])]
    return {"V": V, "b": [b + item["reward"] * value for b, value in zip(state["b"], x)]}


for line in sys.stdin:
    call = json.loads(line)
    if call["call"] == "hello":
        answer = {"protocol": 1}
    elif call["call"] == "decide":
        answer = {"probabilities": [decide(item) for item in call["items"]]}
    else:
        answer = {"states": [learn(item) for item in call["items"]]}
    print(json.dumps({"id": call["id"], **answer}), flush=True)

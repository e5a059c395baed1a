"""Asks a running `rehearsal serve` for decisions, and says how long they took. Part of check.sh."""

import json
import statistics
import sys
import time
import urllib.request

KINDS = ["focus", "plan", "rest"]


def score(address: str, user: str) -> dict:
    candidates = [{"id": kind, "kind": kind} for kind in KINDS]
    body = {"user": user, "context": {"hour": 9.5, "weekday": 2}, "candidates": candidates}
    request = urllib.request.Request(
        f"http://{address}/score", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200, answer.status
        return json.load(answer)


def main() -> None:
    address, user, wanted = sys.argv[1], sys.argv[2], sys.argv[3]
    marks, times = [], []
    for _ in range(200):
        began = time.perf_counter()
        decision = score(address, user)
        times.append(1_000 * (time.perf_counter() - began))
        marks.append(decision.get("profile_lookup", "nobody asked"))
    times.sort()
    counts = {mark: marks.count(mark) for mark in dict.fromkeys(marks)}
    print(f"{user}: {counts}; {statistics.median(times):.1f} ms in the median, {times[-1]:.1f} ms at most")
    assert wanted in counts, counts


main()

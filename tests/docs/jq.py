#!/usr/bin/env python3
"""The two jq filters of README.md, `.field` and `{field, field}`, for machines without jq."""

import json
import sys

options = {a for a in sys.argv[1:] if a.startswith("-")}
query, *files = (a for a in sys.argv[1:] if not a.startswith("-"))
with open(files[0], encoding="utf-8") if files else sys.stdin as source:
    value = json.load(source)
if query.startswith("{"):
    value = {name: value[name] for name in query.strip("{}").replace(" ", "").split(",")}
else:
    value = value[query.removeprefix(".")]
if "-r" in options and isinstance(value, str):
    print(value)
elif "-c" in options:
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
else:
    print(json.dumps(value, ensure_ascii=False, indent=2))

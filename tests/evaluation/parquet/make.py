#!/usr/bin/env python3
"""Makes the files here: one log as a CSV and as Parquet in several ways. Needs pyarrow (made with 26.0.1)."""
import csv
import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here, n = pathlib.Path(__file__).parent, 300
action = [f"item {(i * 5 + i // 7) % 3}" for i in range(n)]
reward = [float((i * 11) % 4 == 0) for i in range(n)]
propensity = [(0.5, 0.25, 0.25)[int(name[-1])] for name in action]
begun = datetime.datetime(2024, 2, 28, 22, 30)
timestamp = [begun + datetime.timedelta(minutes=37 * i, seconds=i) for i in range(n)]
user = [f"user {i % 41}" for i in range(n)]
mine = [((i * 29) % 64) / 64 for i in range(n)]
plain = {"action": action, "reward": reward, "propensity": propensity, "timestamp": timestamp, "user": user, "mine": mine}
with open(here / "log.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(plain)
    table.writerows(zip(*plain.values()))
more = {
    "whole": pa.array(range(n), pa.int64()),
    "listed": pa.array([["a"]] * n),
    "nulls": pa.array([None if i == 7 else 1.0 for i in range(n)]),
    "nothing": pa.array([0.0] * n),
    "blank": pa.array([" u" if i == 2 else "u" for i in range(n)]),
}
whole = pa.table(plain | more)
for name, compression in {"snappy": "snappy", "gzip": "gzip", "zstd": "zstd", "plain": "none"}.items():
    # Groups of rows and pages that end amid what is read at once.
    pq.write_table(whole, here / f"{name}.parquet", compression=compression, row_group_size=128, data_page_size=256)
# What is packed in ways that are not read.
for compression in ("brotli", "lz4"):
    pq.write_table(pa.table(plain).slice(0, 2), here / f"{compression}.parquet", compression=compression)
types = pa.table({
    "action": pa.array(action).dictionary_encode(),
    "reward": pa.array([value == 1.0 for value in reward]),
    "propensity": pa.array(propensity, pa.float32()),
    "timestamp": pa.array(timestamp, pa.timestamp("ns")),
    "user": pa.array(user, pa.large_string()),
    "mine": pa.array(mine, pa.float32()),
})
# Every hour from before summer time on, until after it has begun.
hours = [datetime.datetime(2024, 3, 8) + datetime.timedelta(hours=i) for i in range(n)]
zoned = plain | {"timestamp": pa.array(hours, pa.timestamp("us", "America/Los_Angeles"))}
pq.write_table(pa.table(zoned), here / "zone.parquet", compression="gzip")
pq.write_table(types, here / "types.parquet", use_deprecated_int96_timestamps=True, data_page_version="2.0")
# Lengths of time, which Parquet has no type for.
waits = pa.table({"action": pa.array(["a", "b"]), "reward": pa.array([1.0, 0.0]), "propensity": pa.array([0.5, 0.5]),
                  "wait": pa.array([1500, 90], pa.duration("ms"))})
pq.write_table(waits, here / "durations.parquet")

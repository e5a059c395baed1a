#!/usr/bin/env python3
"""Takes samples of the Open Bandit Dataset (Saito et al. 2021, CC BY 4.0) out of the source package of
`obp` 0.5.7 and puts them into data/obd/ (which git ignores): bts/all, and whatever else is named.

    scripts/fetch_obd.py                      # data/obd/bts/all.csv
    scripts/fetch_obd.py random/all bts/men   # data/obd/random/all.csv, data/obd/bts/men.csv

Only pip is asked, and only when a file is missing. Exit code 1 and one line say why it could not be had.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "obp==0.5.7"
FOLDER = Path(__file__).resolve().parent.parent / "data" / "obd"
# Of the files as they stand in the package: another content would be another test.
SHA256 = {"bts/all": "0ad874e4dbf6902f0845dd478ad8dde5ef6903583d3ffaace78411bdad064106"}


def download(into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "obp"]
    # The package names old Python versions; nothing of it is run or installed.
    command += ["--ignore-requires-python", "--dest", str(into), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = sorted(into.glob("obp-*.tar.gz"))
    if not archives:
        lines = done.stderr.strip().splitlines() or [f"pip ended with {done.returncode}"]
        sys.exit(f"fetch_obd: pip could not get {PACKAGE}: {lines[-1]}")
    return archives[0]


def main() -> None:
    wanted = sys.argv[1:] or ["bts/all"]
    missing = [name for name in wanted if not (FOLDER / f"{name}.csv").exists()]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(download(Path(folder))) as archive:
            for name in missing:
                inside = f"obp-0.5.7/obp/dataset/obd/{name}/{name.split('/')[-1]}.csv"
                try:
                    content = archive.extractfile(inside).read()
                except KeyError:
                    sys.exit(f"fetch_obd: {PACKAGE} has no {inside}")
                digest = hashlib.sha256(content).hexdigest()
                if SHA256.get(name, digest) != digest:
                    sys.exit(f"fetch_obd: {inside} has the digest {digest}, not {SHA256[name]}")
                target = FOLDER / f"{name}.csv"
                target.parent.mkdir(parents=True, exist_ok=True)
                partial = target.with_suffix(".partial")
                partial.write_bytes(content)
                partial.replace(target)
                print(target.relative_to(FOLDER.parent.parent))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the tables that ship with scikit-learn into data/tables/ (which git ignores): digits, iris, wine
and breast_cancer, the class in the column `class`. For `rehearsal simulate --data FILE --label class`."""

from pathlib import Path

from sklearn import datasets

FOLDER = Path(__file__).resolve().parent.parent / "data" / "tables"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("digits", "iris", "wine", "breast_cancer"):
        table = getattr(datasets, f"load_{name}")()
        columns = [f"x{i}" for i in range(table.data.shape[1])]
        lines = [",".join([*columns, "class"])]
        for row, target in zip(table.data.tolist(), table.target.tolist()):
            lines.append(",".join([*map(repr, row), f"c{target}"]))
        (FOLDER / f"{name}.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""Runs every notebook as it is committed, each in a folder of its own, and looks at what it came to.

    run.py DIR    leaves the notebooks with their outputs in DIR
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
# What must be true at the end of each.
EXPECTED = {
    "from-a-log-to-a-policy": "assert evaluated.code == 0 and judged.code == 0 and Path('verdict.html').stat().st_size > 10_000",
    "how-far-from-my-log": "assert first['beyond_noise'].sum() > second['beyond_noise'].sum() > third['beyond_noise'].sum() == 0",
    "reading-a-verdict": "assert verdict['verdict'] == 'inconclusive'",
    "what-a-prior-brings": "assert table.loc['everybody', 'early_reward'] > 0.05 and judged.code == 1",
}
# Somebody else's log: other columns, other items, words for what followed, nobody named; one probability for each item.
SHOP = """
import csv, random
rng, LOG = random.Random(5), Path("shop.csv")
COLUMNS = {"action": "item", "reward": "outcome", "propensity": "p"}
REWARDS = {"bought": 1, "clicked": 0.2, "nothing": 0}
with LOG.open("w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["order", "item", "outcome", "p"])
    for n in range(8000):
        item, p = rng.choices([("socks", 0.5), ("hat", 0.3), ("coat", 0.2)], [0.5, 0.3, 0.2])[0]
        bought = rng.random() < {"socks": 0.1, "hat": 0.3, "coat": 0.2}[item]
        rows.writerow([n, item, "bought" if bought else rng.choice(["clicked", "nothing"]), p])
"""


def run(path: Path, out: Path, ends_with: str, instead: str | None = None) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        assert not cell.outputs and cell.execution_count is None, f"{path.name} is committed with outputs: clear them"
    if instead is not None:
        cells[0].source += instead
    notebook.cells.append(nbformat.v4.new_code_cell(ends_with))
    name = path.stem + ("" if instead is None else "-of-somebody-else")
    folder = out / name
    folder.mkdir(parents=True)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, startup_timeout=300, resources=resources).execute()
    notebook.cells.pop()
    nbformat.write(notebook, out / f"{name}.ipynb")
    print(f"{name}: ok", flush=True)


def main() -> None:
    out = Path(sys.argv[1]).resolve()
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    notebooks = sorted(HERE.glob("*.ipynb"))
    assert {path.stem for path in notebooks} == set(EXPECTED), "EXPECTED names every notebook"
    for path in notebooks:
        run(path, out, EXPECTED[path.stem])
    log = HERE / "from-a-log-to-a-policy.ipynb"
    run(log, out, "assert evaluated.code == 0 and judged.code in (0, 1, 3) and len(verdict['logs']) == 1", SHOP)


main()

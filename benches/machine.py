"""What the results of benchmarks say of the machine that they were measured on."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "rehearsal"


def build() -> str:
    """Builds the release binary; returns its version."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    return subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def install(venv: Path, packages: list) -> dict:
    """Makes a virtual environment with these packages (`name==version`) from PyPI; returns their versions."""
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *packages], check=True)
    listed = subprocess.run([*pip, "list", "--format", "json"], check=True, capture_output=True, text=True).stdout
    wanted = {package.split("==")[0] for package in packages}
    return {p["name"]: p["version"] for p in json.loads(listed) if p["name"].lower() in wanted}


def inside(venv: Path, packages: list) -> dict:
    """What `install` does, and goes on with the environment's own Python."""
    versions = install(venv, packages)
    if Path(sys.prefix) != venv:
        python = str(venv / "bin" / "python")
        os.execv(python, [python, *sys.argv])
    return versions


def machine() -> str:
    """Processor, cores, memory and system, in a line."""
    fields = (line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    cpu = {key.strip(): value.strip() for key, value in fields}
    release = Path("/etc/os-release").read_text().splitlines()
    system = next((line.split("=", 1)[1].strip('"') for line in release if line.startswith("PRETTY_NAME=")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = f"family {cpu.get('cpu family', '?')} model {cpu.get('model', '?')}"
    return (
        f"{cpu.get('model name', platform.machine())} ({kind}), {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{system}, Linux {platform.release().split('-')[0]}, {rustc()}"
    )


def rustc() -> str:
    """The compiler's version."""
    words = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return " ".join(words[:2])


def busy() -> float:
    """How many processes wanted a processor in the last minute: far above 0 before a run means noise."""
    return os.getloadavg()[0]

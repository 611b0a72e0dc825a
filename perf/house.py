"""The structure of the code base in numbers, computed from the code: `make bench-house` -> var/bench/house.json.

    python perf/house.py            also runs one job through server, lab and agent to count the files it enters
    python perf/house.py --static   counts only

Each figure stands beside its limit. What is counted is said in the docstring of the function that counts it.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
OUT = ROOT / "var" / "bench" / "house.json"
FOLDERS = ("protocols", "drivers", "lab", "agents", "server", "client", "migrations")
LIMITS = {
    "source_files": 360,
    "source_lines": 46_000,
    "loose_modules_server": 14,
    "loose_modules_client": 14,
    "back_up_imports": 0,
    "duplicate_class_names": 10,
    "files_for_third_party_workload": 0,
    "files_for_new_scpi_monitor": 3,
    "files_entered": 90,
}


def sources() -> list[Path]:
    """Return the Python files of all packages; tests, examples, benchmarks and documentation are not among them."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("neurorig*/**/*.py"))


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def loose_modules(package: Path) -> int:
    """Count the modules directly in a package, its `__init__` not counted."""
    return sum(1 for path in package.glob("*.py") if path.name not in {"__init__.py", "__main__.py"})


def _imports(path: Path, modules: set[str]) -> Iterator[str]:
    """Yield the modules of ours that a file imports when it is imported, type checking aside."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def back_up_imports(files: list[Path]) -> int:
    """Count the imports inside packages that lead up: against the layers in pyproject.toml, or round a circle of rooms.

    A room is what stands directly in a package: a folder, or a module beside the folders.
    """
    modules = {module_name(path): path for path in files}
    links: Counter[tuple[str, str]] = Counter()
    for name, path in modules.items():
        for target in _imports(path, set(modules)):
            here, there = name.split(".")[:2], target.split(".")[:2]
            if target in modules and here[0] == there[0] and here != there and len(here) == len(there) == 2:
                links[".".join(here), ".".join(there)] += 1
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    rank: dict[str, int] = {}
    for contract in contracts:
        for container in contract.get("containers", []):
            for level, layer in enumerate(contract["layers"]):
                rank |= {f"{container}.{room.strip(' ()')}": level for room in layer.replace(":", "|").split("|")}
    up = {link for link in links if link[0] in rank and link[1] in rank and rank[link[0]] > rank[link[1]]}
    return sum(links[link] for link in up | _on_circles(set(links)))


def _on_circles(links: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the links whose end leads back to their begin."""
    after: dict[str, set[str]] = {}
    for begin, end in links:
        after.setdefault(begin, set()).add(end)

    def reaches(start: str, goal: str) -> bool:
        seen, open_ends = {start}, [start]
        while open_ends:
            for room in after.get(open_ends.pop(), set()) - seen:
                if room == goal:
                    return True
                seen.add(room)
                open_ends.append(room)
        return False

    return {link for link in links if reaches(link[1], link[0])}


def duplicate_class_names(files: list[Path]) -> dict[str, int]:
    """Return the names of public classes that are defined more than once, with how often."""
    found = Counter(
        node.name
        for path in files
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return {name: count for name, count in sorted(found.items()) if count > 1}


def files_naming(word: str) -> list[str]:
    """Return the tracked files outside documentation and examples in which a word occurs."""
    found = subprocess.run(
        ["git", "grep", "-lw", "-F", word, "--", ".", ":!docs", ":!examples", ":!changelog.d", ":!*.md", ":!perf"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return found.stdout.split()


def example_workload() -> str:
    """Return the name of the workload of the third-party example package, from its entry points."""
    (path,) = (ROOT / "examples").glob("*workload*/pyproject.toml")
    points = tomllib.loads(path.read_text("utf-8"))["project"]["entry-points"]
    return str(next(iter(points["neurorig.workloads"])))


def files_entered() -> dict[str, list[str]]:
    """Run one qubo-mis job on a virtual-loihi bench and return the files entered from submit to result, by package."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from house import QUBO, House

    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        notes.mkdir()
        probe = str(ROOT / "perf" / "call_probe")
        os.environ["CALL_PROBE"] = str(notes)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [probe, os.environ.get("PYTHONPATH")]))
        house = House(Path(folder))
        try:
            house.server()
            house.agent(house.lab("virtual-loihi")[1])
            client = house.client()
            (notes / "begin").touch()
            time.sleep(0.3)
            (job,) = client.wait([client.submit({"workload": QUBO, "needs": {"board": "virtual-loihi"}}).id])
            time.sleep(0.3)
            if job.state != "succeeded":
                raise RuntimeError(f"the job ended {job.state}: {job.error}")
        finally:
            house.close()
        entered = {line for note in notes.glob("*.txt") for line in note.read_text().splitlines()}
    packages: dict[str, list[str]] = {}
    for name in sorted(entered):
        relative = Path(name).relative_to(ROOT)
        packages.setdefault(relative.parts[0], []).append(str(relative))
    return packages


def main() -> None:
    """Compute, print and write the figures."""
    files = sources()
    doubles = duplicate_class_names(files)
    figures: dict[str, Any] = {
        "source_files": len(files),
        "source_lines": sum(len(path.read_text("utf-8").splitlines()) for path in files),
        "loose_modules_server": loose_modules(ROOT / "server" / "neurorig_server"),
        "loose_modules_client": loose_modules(ROOT / "client" / "neurorig"),
        "back_up_imports": back_up_imports(files),
        "duplicate_class_names": len(doubles),
    }
    detail: dict[str, Any] = {"duplicate_class_names": doubles}
    if any((ROOT / "examples").glob("*workload*/pyproject.toml")):
        touched = [name for name in files_naming(example_workload()) if not name.startswith("tests/")]
        figures["files_for_third_party_workload"] = len(touched)
        detail["files_for_third_party_workload"] = touched
    if "--static" not in sys.argv:
        detail["files_entered"] = files_entered()
        figures["files_entered"] = sum(len(names) for names in detail["files_entered"].values())
    for name, value in figures.items():
        limit = LIMITS[name]
        print(f"{name:32} {value:>7}  limit {limit:>6}  {'met' if value <= limit else 'NOT MET'}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"figures": figures, "limits": LIMITS, "detail": detail}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Nothing outside a workload's own package decides by its kind: a new workload must not need a change elsewhere."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("server", "agents", "protocols", "client", "drivers", "lab")

SPECS = ("QuboMis", "Qubo", "Digits", "Snn")
ANSWERS = ("QuboAnswer", "ClassifierAnswer", "SnnAnswer")
CHECKED = ("VerifiedQubo", "VerifiedClassifier", "VerifiedSnn")
KINDS = frozenset((*SPECS, *ANSWERS, *(f"{name}View" for name in ANSWERS), *CHECKED))

OF_THE_BENCHMARK = (
    "protocols/neurorig_protocols/workloads/",
    "agents/neurorig_agents/workloads/",
    # The rules, targets and tables of NeuroBench's QUBO benchmark are about that workload, and about no other.
    "protocols/neurorig_protocols/benchmarks/",
    "server/neurorig_server/store/targets.py",
    "server/neurorig_server/store/targets_of_jobs.py",
    "server/neurorig_server/store/tunings.py",
    "server/neurorig_server/store/evaluations.py",
    "client/neurorig/demo/",
    "client/neurorig/cli/max_size.py",
)


def decisions(path: Path) -> list[str]:
    """Return the kinds that a file tests a value for, by isinstance or by match."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            found += [name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name) and name.id in KINDS]
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name) and node.cls.id in KINDS:
            found.append(node.cls.id)
    return found


def test_only_a_workloads_own_package_knows_its_kind() -> None:
    """No isinstance and no match on workloads, answers or recomputations elsewhere."""
    wrong = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(OF_THE_BENCHMARK) and (kinds := decisions(path)):
                wrong[name] = kinds

    assert wrong == {}


def test_a_decision_is_recognised(tmp_path: Path) -> None:
    """The test above could not fail if it saw neither form."""
    path = tmp_path / "example.py"
    path.write_text("isinstance(x, Qubo | Snn)\nmatch x:\n    case Digits(count=3):\n        pass\n")

    assert decisions(path) == ["Qubo", "Snn", "Digits"]

"""A folder of best solutions, one solution file per problem, which outlives the searches that fill it."""

from __future__ import annotations

from pathlib import Path

from neurorig_agents.files import write_whole
from neurorig_protocols.benchmarks.targets import MisProblem
from neurorig_protocols.benchmarks.targets_file import SolutionFile, parse
from neurorig_protocols.errors import UserError


class Folder:
    """Solutions by problem. What is read is believed only as far as its form; costs are recomputed by the reader."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, problem: MisProblem) -> SolutionFile | None:
        """Return the solution of a problem, None when there is none; UserError for a file of something else."""
        path = self._file(problem)
        try:
            found = parse(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        if not isinstance(found, SolutionFile) or found.problem.key != problem.key:
            raise UserError(f"'{path}' is no solution file of {problem.key}", where=str(path))
        return found

    def keep(self, found: SolutionFile) -> bool:
        """Write a solution down if the folder has no better one of its problem; say whether it did."""
        problem = found.problem
        if not isinstance(problem, MisProblem):
            raise TypeError(f"a folder of solutions holds graphs, not '{problem.key}'")
        present = self.get(problem)
        if present is not None and present.cost <= found.cost:
            return False
        self._path.mkdir(parents=True, exist_ok=True)
        write_whole(self._file(problem), (found.model_dump_json(indent=1) + "\n").encode())
        return True

    def _file(self, problem: MisProblem) -> Path:
        # A key holds letters, digits and dashes only.
        return self._path / f"{problem.key}.json"

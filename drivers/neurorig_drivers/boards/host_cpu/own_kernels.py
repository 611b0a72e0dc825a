"""Our own kernels as solvers of the board: two for any QUBO, one for independent sets only. Not the kernels as such."""

from __future__ import annotations

from neurorig_drivers.boards.solving.kernel_search import KernelSearch, exact_matrix, given_temperatures
from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.scenarios import Params, positive, refuse_unknown, whole_number
from neurorig_drivers.solvers import mis_search, sa_search, tabu_search
from neurorig_protocols.errors import UserError

LONGEST_ANNEAL_S = 1000.0
_ROW_ENTRY_BYTES, _BUILD_FACTOR = 20, 4


class KernelTabu:
    """One-flip tabu search for any QUBO."""

    name = "neurorig-tabu"

    def memory_bytes(self, n: int, edges: int) -> int:
        """Return the memory of the rows, and of building them."""
        return _memory_bytes(n, edges)

    def prepare(self, problem: Problem, params: Params) -> KernelSearch:
        """Lay out the rows of Q; UserError on unknown parameters and on costs beyond int64."""
        refuse_unknown(self.name, params, ("tenure", "patience", "kick"))
        usual = tabu_search.default_params(problem.n)
        chosen = tabu_search.TabuParams(
            tenure=whole_number(params, "tenure", usual.tenure, 1) or 1,
            patience=whole_number(params, "patience", usual.patience, 1) or 1,
            kick=whole_number(params, "kick", usual.kick, 1) or 1,
        )
        return KernelSearch(tabu_search.TabuSearch(exact_matrix(problem), chosen))


class KernelAnnealing:
    """Simulated annealing for any QUBO."""

    name = "neurorig-sa"

    def memory_bytes(self, n: int, edges: int) -> int:
        """Return the memory of the rows, and of building them."""
        return _memory_bytes(n, edges)

    def prepare(self, problem: Problem, params: Params) -> KernelSearch:
        """Lay out the rows of Q; UserError on unknown parameters and on costs beyond int64."""
        refuse_unknown(self.name, params, ("temperature_hot", "temperature_cold", "first_anneal_s"))
        hot, cold = given_temperatures(params)
        usual = sa_search.AnnealingParams()
        first_s = positive(params, "first_anneal_s", usual.first_anneal_s)
        if first_s > LONGEST_ANNEAL_S:
            raise UserError(f"solver parameter 'first_anneal_s' is {first_s:g}, the limit is {LONGEST_ANNEAL_S:g}")
        chosen = sa_search.AnnealingParams(hot, cold, first_s)
        return KernelSearch(sa_search.AnnealingSearch(exact_matrix(problem), chosen))


class KernelMis:
    """Local search for maximum independent sets; problem-specific, and labelled so in every result."""

    name = "neurorig-mis"

    def memory_bytes(self, n: int, edges: int) -> int:
        """Return the memory of the graph, and of building it."""
        return _memory_bytes(n, edges)

    def prepare(self, problem: Problem, params: Params) -> KernelSearch:
        """Lay out the graph; UserError on unknown parameters and when the QUBO is not an independent-set problem."""
        refuse_unknown(self.name, params, ("tenure", "sample", "patience", "forced"))
        gain = _gain_of_a_vertex(problem)
        edges = problem.weights != 0
        usual = mis_search.default_params(problem.n, int(edges.sum()))
        chosen = mis_search.MisParams(
            tenure=whole_number(params, "tenure", usual.tenure, 1) or 1,
            sample=whole_number(params, "sample", usual.sample, 1) or 1,
            patience=whole_number(params, "patience", usual.patience, 1) or 1,
            forced=whole_number(params, "forced", usual.forced, 1) or 1,
        )
        search = mis_search.MisSearch(problem.n, problem.rows[edges], problem.cols[edges], chosen)
        return KernelSearch(search, unit=gain, labels={"problem_specific": 1.0})


def _gain_of_a_vertex(problem: Problem) -> int:
    """Return what a vertex lowers the cost by; UserError where a best answer may not be an independent set."""
    gain = -int(problem.diagonal[0])
    weights = problem.weights[problem.weights != 0]
    wrong = None
    if gain <= 0 or (problem.diagonal != -gain).any():
        wrong = "its diagonal is not one negative number"
    elif weights.size and 2 * int(weights.min()) < gain:
        wrong = f"an edge costs {2 * int(weights.min())}, less than the {gain} that a vertex gains"
    if wrong:
        raise UserError(
            f"'{KernelMis.name}' solves maximum independent sets only, and this QUBO is none: {wrong}",
            where="solver",
            next_step=f"take a solver for any QUBO, such as {KernelTabu.name} or {KernelAnnealing.name}",
        )
    return gain


def _memory_bytes(n: int, edges: int) -> int:
    return _BUILD_FACTOR * _ROW_ENTRY_BYTES * (n + 2 * edges)

"""Tuning declarations: their identity, their values, and parameters that were tuned per instance."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neurorig_protocols.benchmarks import tuning
from neurorig_protocols.benchmarks.tuning import TuningDeclaration, find_per_instance_tuning
from neurorig_protocols.errors import NoValue
from neurorig_protocols.job import JobSpec

TABLE = {"steps": [{"n": 100, "value": 1}, {"n": 1000, "density": 0.05, "value": 2}, {"value": 3}]}


def declare(**params: Any) -> TuningDeclaration:
    """Return a declaration with these parameters."""
    body = {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing", "params": params}
    return TuningDeclaration.model_validate(body)


def job(seed: int, n: int = 250, density: float = 0.05, **fields: Any) -> JobSpec:
    """Return a job on a graph; `params`, `scenario`, `board`, `solver` replace what they name."""
    scenario = fields.get("scenario", {"kind": "fixed-timeout", "timeout_s": 0.01})
    workload = {"name": "qubo-mis", "n": n, "density": density, "seed": seed, "scenario": scenario}
    solver = {"name": fields.get("solver", "annealing"), "params": fields.get("params", {})}
    return JobSpec.model_validate({"workload": workload, "solver": solver, "needs": {"board": fields.get("board")}})


def test_constants_expressions_and_tables_are_evaluated() -> None:
    """Each form of parameter gives its value; numbers keep their kind."""
    declared = declare(steps=2000, scale=2.0, schedule="geometric", t={"expression": "2 * n"}, refract=TABLE)

    found = tuning.evaluate(declared, 500, 0.05)

    assert found == {"steps": 2000, "scale": 2.0, "schedule": "geometric", "t": 1000, "refract": 2}
    assert [type(value) for value in found.values()] == [int, float, str, int, int]


@pytest.mark.parametrize(
    ("n", "density", "value"), [(100, 0.25, 1), (101, 0.05, 2), (101, 0.051, 3), (1000, 0.01, 2), (1001, 0.01, 3)]
)
def test_first_step_that_holds_gives_the_value(n: int, density: float, value: int) -> None:
    """Limits of a step are included, and the last step serves what is left."""
    assert tuning.evaluate(declare(refract=TABLE), n, density) == {"refract": value}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"expression": "seed + 1"}, "expression"),
        ({"expression": 3}, "expression"),
        ({"expresion": "n"}, "expression"),
        ({"steps": []}, "steps"),
        ({"steps": [{"n": 5, "value": 1}]}, "table"),
        ({"steps": [{"n": 0, "value": 1}, {"value": 1}]}, "n"),
        ({"steps": [{"seed": 0, "value": 1}, {"value": 1}]}, "seed"),
        ({"steps": [{"value": 1}] * 65}, "steps"),
        (float("nan"), "constant"),
        (float("inf"), "constant"),
        (True, "constant"),
        (None, "constant"),
        ([1, 2], "constant"),
        (2**53 + 1, "constant"),
        ("x" * 201, "constant"),
        ("a\nb", "constant"),
        ("a\x00", "constant"),
    ],
)
def test_parameters_that_are_none_are_refused(value: Any, field: str) -> None:
    """What is neither a constant nor a function of n and density is refused, with the field that is wrong."""
    with pytest.raises(ValidationError) as caught:
        declare(p=value)

    assert all("p" in error["loc"] for error in caught.value.errors())
    assert any(field in error["loc"] for error in caught.value.errors())


@pytest.mark.parametrize("name", ["", "a b", "1a", "a.b", "é", "x" * 65])
def test_names_of_parameters_are_plain(name: str) -> None:
    """A parameter's name is a word of ASCII letters, digits and underscores."""
    with pytest.raises(ValidationError):
        declare(**{name: 1})


def test_more_than_32_parameters_are_refused() -> None:
    """A declaration is bounded like a job."""
    with pytest.raises(ValidationError):
        declare(**{f"p{i}": 1 for i in range(33)})


def test_digest_is_of_the_content() -> None:
    """The order in which parameters are written does not matter; any other difference does."""
    base = declare(a=1, b="x")

    assert tuning.digest(base) == tuning.digest(declare(b="x", a=1))
    others = [declare(a=1, b="y"), declare(a=2, b="x"), declare(a=1.0, b="x"), declare(a=1), declare(a=1, b="x", c=0)]
    others.append(base.model_copy(update={"board": "host-cpu"}))
    assert len({tuning.digest(other) for other in [base, *others]}) == len(others) + 1


def test_digest_is_pinned() -> None:
    """The canonical form never changes, since digests of it stand in public records."""
    declared = declare(steps=2000, t={"expression": "2 * n"}, refract=TABLE)

    assert tuning.canonical(declared) == (
        '{"benchmark":"qubo-mis","board":"virtual-loihi","params":{"refract":{"steps":[{"n":100,"value":1},'
        '{"density":0.05,"n":1000,"value":2},{"value":3}]},"steps":2000,"t":{"expression":"2 * n"}},'
        '"solver":"annealing"}'
    )
    assert tuning.digest(declared) == "sha256:bf3e6aaf24d62221f97442e4321416fd0e7edae1e7ca873771cb59d195124bc0"


VALUES = (
    st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"[ -~]{0,20}", fullmatch=True)
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), VALUES, max_size=5))
def test_declaration_survives_its_own_text(params: dict[str, Any]) -> None:
    """Reading the canonical text gives the same declaration, digest and values."""
    declared = declare(**params)
    again = TuningDeclaration.model_validate(json.loads(tuning.canonical(declared)))

    assert tuning.digest(again) == tuning.digest(declared)
    assert tuning.evaluate(again, 10, 0.1) == tuning.evaluate(declared, 10, 0.1) == params


def test_value_that_is_missing_names_its_parameter() -> None:
    """Where a parameter has no value, its name, the size and the density are said."""
    declared = declare(good=1, bad={"expression": "1 / (n - 500)"})

    with pytest.raises(NoValue, match=r"'bad'.*n = 500, density = 0\.01") as caught:
        tuning.require_total(declared)

    assert caught.value.where == "params.bad"
    tuning.require_total(declare(good={"expression": "1 / density"}))


def test_different_parameters_for_one_graph_are_found() -> None:
    """A parameter that one seed's job has otherwise is named with the values and their seeds."""
    specs = [job(seed, params={"steps": 900 if seed == 3 else 1000, "t": 5}) for seed in range(5)]

    (found,) = find_per_instance_tuning(specs)

    assert (found.parameter, found.n, found.solver) == ("steps", 250, "annealing")
    assert {v.value: v.seeds for v in found.values} == {1000: (0, 1, 2, 4), 900: (3,)}
    assert "'steps' differs between graphs" in found.sentence
    assert "900 for seeds 3" in found.sentence


def test_parameter_that_only_some_graphs_have_is_found() -> None:
    """Leaving a parameter out for one graph is tuning it too."""
    (found,) = find_per_instance_tuning([job(0, params={"t": 5}), job(1)])

    assert {v.value: v.seeds for v in found.values} == {5: (0,), None: (1,)}


@pytest.mark.parametrize("other", [{"n": 500}, {"density": 0.1}, {"board": "host-cpu"}, {"solver": "tabu"}])
def test_other_sizes_boards_and_solvers_may_differ(other: dict[str, Any]) -> None:
    """Parameters may depend on everything but the graph."""
    assert find_per_instance_tuning([job(0, params={"t": 1}), job(1, params={"t": 2}, **other)]) == []


def test_density_off_by_a_trifle_is_the_same_density() -> None:
    """Writing 0.0500001 for 0.05 does not hide a parameter that was tuned for one graph."""
    assert len(find_per_instance_tuning([job(0, params={"t": 1}), job(1, density=0.0500001, params={"t": 2})])) == 1


def test_target_of_the_graph_is_no_part_of_the_scenario() -> None:
    """The server writes each graph's target into its job; the scenario asked for is one all the same."""
    scenarios = [{"kind": "time-to-solution", "limit_s": 1, "target_cost": cost} for cost in (-67, -69)]
    specs = [job(seed, params={"t": seed}, scenario=scenario) for seed, scenario in enumerate(scenarios)]

    assert len(find_per_instance_tuning(specs)) == 1


def test_sweep_over_all_graphs_is_no_finding() -> None:
    """Where every graph was run with every value, none was chosen for one of them."""
    specs = [job(seed, params={"t": t}) for seed in range(5) for t in (1, 2, 3)]

    assert find_per_instance_tuning(specs) == []
    assert [f.parameter for f in find_per_instance_tuning(specs[:-1])] == ["t"]


def test_combinations_that_differ_are_found() -> None:
    """Equal values in other combinations are a difference, and every parameter that varies is named."""
    pairs = {0: [(1, 1), (2, 2)], 1: [(1, 2), (2, 1)]}
    specs = [job(seed, params={"a": a, "b": b, "c": 0}) for seed, found in pairs.items() for a, b in found]

    assert [f.parameter for f in find_per_instance_tuning(specs)] == ["a", "b"]


def test_jobs_of_other_workloads_are_passed_over() -> None:
    """A job without a graph has no instance to be tuned for."""
    digits = JobSpec.model_validate({"workload": {"name": "mnist-digits"}, "solver": {"params": {"t": 1}}})

    assert find_per_instance_tuning([digits, job(0, params={"t": 2})]) == []


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([10, 25]), st.integers(0, 2)), max_size=12))
def test_jobs_of_one_declaration_are_never_a_finding(places: list[tuple[int, int, int]]) -> None:
    """Whatever is run with parameters from one declaration, no instance was tuned."""
    declared = declare(t={"expression": "2 * n"}, refract=TABLE)
    specs = [job(seed, n=n, params=tuning.evaluate(declared, n, 0.05)) for seed, n, _ in places]

    assert find_per_instance_tuning(specs) == []

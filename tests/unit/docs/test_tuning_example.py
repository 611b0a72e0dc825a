"""The declaration of the how-to on official evaluations."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from neurorig_protocols.benchmarks import tuning

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "submit-an-official-evaluation.md"


def test_the_declaration_of_the_how_to_is_one() -> None:
    """The example that a newcomer copies is accepted and has a value at every size of the benchmark."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)

    declaration = tuning.TuningDeclaration.model_validate(tomllib.loads(example))

    tuning.require_total(declaration)
    assert tuning.evaluate(declaration, 250, 0.05) == {
        "kind": "geometric",
        "levels": 32,
        "t_max": 0.4,
        "steps_per_level": 16,
    }

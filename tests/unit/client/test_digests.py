"""Digests on the command line: whole ones pass, others are told what is wrong in words and where to find one."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from neurorig.cli.main import cli
from neurorig.cli.terminal import fault, is_digest

WHOLE = "sha256:" + "0123456789abcdef" * 4
FILES = "`neurorig files list` shows"
TUNINGS = "`neurorig tuning list` shows"


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_every_whole_digest_is_faultless(digits):
    """64 digits after the prefix are all it takes."""
    assert fault(f"sha256:{digits}") is None


@given(st.text(max_size=80))
def test_any_other_text_has_a_fault(text):
    """No text but a prefix with 64 digits passes, and the sentence names the text."""
    wrong = fault(text)

    assert wrong is not None
    assert wrong.startswith(f"'{text}' is not a digest: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sha256:abc", "after 'sha256:' it has 3 of 64 digits"),
        (WHOLE + "0", "after 'sha256:' it has 65 of 64 digits"),
        ("sha256:", "after 'sha256:' it has 0 of 64 digits"),
        ("sha256:" + "g" * 64, "'g' is none of 0-9 and a-f"),
        ("sha256:" + "A" * 64, "'A' is none of 0-9 and a-f; its letters are small ones"),
        (WHOLE.removeprefix("sha256:"), "one begins with 'sha256:'"),
    ],
)
@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        (("submit", "qubo", "DIGEST", "--timeout", "1"), FILES),
        (("submit", "snn", "--model", "DIGEST", "--events", WHOLE, "--steps", "1"), FILES),
        (("submit", "qubo-mis", "--n", "10", "--timeout", "1", "--tuning", "DIGEST"), TUNINGS),
        (("files", "show", "DIGEST"), FILES),
        (("files", "get", "DIGEST", "nowhere"), FILES),
        (("files", "rm", WHOLE, "DIGEST"), FILES),
        (("tuning", "show", "DIGEST"), TUNINGS),
        (("evaluation", "freeze", "0" * 12, "DIGEST"), TUNINGS),
        (("targets", "list", "--problem", "DIGEST"), FILES),
    ],
)
def test_commands_say_what_is_wrong_and_ask_nobody(stand_in, arguments, source, text, words):
    """A usage error in plain words with a next step; no pattern of a server, for none is asked."""
    given = [text if argument == "DIGEST" else argument for argument in arguments]
    result = CliRunner().invoke(cli, given, env={"NEURORIG_SERVER": stand_in.url, "NEURORIG_TOKEN": "nrg_test"})

    shown = " ".join(result.output.split())
    assert result.exit_code == 2, result.output
    assert f"'{text}' is not a digest: {words}. Next: {source}" in shown
    assert "^" not in shown
    assert not stand_in.requests


def test_digest_is_told_from_the_name_of_a_file(tmp_path, monkeypatch):
    """What is there is a file, whatever its name; bare digits of no file are a digest without its beginning."""
    monkeypatch.chdir(tmp_path)
    name = "a" * 64
    (tmp_path / name).touch()

    assert (is_digest(WHOLE), is_digest(name), is_digest("problem.qubo")) == (True, False, False)
    with pytest.raises(click.BadParameter, match="begins with 'sha256:'"):
        is_digest("b" * 64)

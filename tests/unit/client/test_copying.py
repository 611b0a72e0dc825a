"""What people copy from the terminal and paste is whole, however narrow the terminal is."""

from __future__ import annotations

import io
import shlex
import subprocess
from types import SimpleNamespace

import pytest
from whole_answers import record

from neurorig.cli import tables
from neurorig.cli.tables import named_values, rows_under
from neurorig.demo import run as demo_run
from neurorig.demo.folder import prepared
from neurorig.plain_console import PlainConsole
from neurorig_protocols.api.jobs import JobView

NARROW = 40
DIGEST = "sha256:" + "0123456789abcdef" * 4


def console(width=NARROW):
    """Return a narrow terminal that keeps what it shows."""
    return PlainConsole(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)


def shown(*printed, width=NARROW):
    """Return the lines that a narrow terminal gets."""
    terminal = console(width)
    for one in printed:
        terminal.print(one)
    return terminal.file.getvalue().splitlines()


def demo_line(tmp_path, *, keep, start):
    """Return the line with which the demo says how to use its server or to start it again, from a narrow terminal."""
    terminal = console()
    attempt = SimpleNamespace(id="a" * 32, reality="physical")
    result = SimpleNamespace(attempt=attempt, job=None)
    with prepared(tmp_path / "a folder's name") as folder:
        folder.secret("admin", "nrg_secret")
        demo_run._say_where_to_look([result], "http://127.0.0.1:8321", folder, keep=keep, console=terminal)
    (line,) = [text for text in terminal.file.getvalue().splitlines() if text.strip().startswith(start)]
    return line, folder


def test_the_export_line_of_the_demo_can_be_pasted(tmp_path):
    """Pasted into a shell, the one line sets server and token, also where the folder's name needs quotes."""
    line, _ = demo_line(tmp_path, keep=True, start="export")
    script = f'{line}\necho "$NEURORIG_SERVER $NEURORIG_TOKEN"'
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout == "http://127.0.0.1:8321 nrg_secret\n"


def test_the_way_back_of_the_demo_can_be_pasted(tmp_path):
    """The command that shows the pages again is one line and names the server's folder as one word."""
    line, folder = demo_line(tmp_path, keep=False, start="neurorig serve")
    words = shlex.split(line)

    assert words[words.index("--data-dir") + 1] == str(folder.server)


def test_text_is_never_wrapped():
    """A line of text stays one line, and its own line breaks stay where they are."""
    command = f"compare them with: neurorig compare {DIGEST} {DIGEST}"

    assert shown(command, f"{command}\n{command}") == [command] * 3


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_ids_and_digests_in_tables_are_whole(width, bodies):
    """An id in a list and a digest among facts stay in one piece, at any width."""
    job_id = "0190b4c6" * 4
    job = record(JobView, bodies.job(job_id, reason="waits for a bench that is busy"))
    facts = named_values({"problem": DIGEST, "comment": "a word and a word and a word and a word"})

    assert any(job_id in line for line in shown(tables.jobs([job]), width=width))
    assert any(DIGEST in line for line in shown(facts, width=width))


def test_tables_that_fit_are_fitted():
    """Prose in a table is still wrapped to the terminal."""
    table = rows_under("job", "why", whole=("job",))
    table.add_row("j1", "a reason that is much longer than the terminal is wide")

    assert max(map(len, shown(table))) <= NARROW


def test_a_wide_table_leaves_the_console_as_it_was():
    """The width that one table needed is not kept for the next one."""
    terminal = console()
    terminal.print(named_values({"problem": DIGEST}))

    assert terminal.width == NARROW

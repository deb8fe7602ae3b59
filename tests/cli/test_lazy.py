"""The lazy group: each entry is a command, its line of help is true, and help imports nothing."""

import os
import re
import subprocess
import sys

import pytest
import typer

from fewshot_bench.cli.app import app
from tests.cli.common import fsbench, fsbench_process


def groups():
    root = typer.main.get_command(app)
    return [root, root.table["loss"].load("loss")]


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.name)
def test_the_lines_of_help_are_those_of_the_commands(group):
    context = group.context_class(group)
    assert list(group.table) == group.list_commands(context)
    for name, lazy in group.table.items():
        _, command, rest = group.resolve_command(context, [name, "more"])
        assert command.name == name
        assert rest == ["more"]
        assert lazy.help == " ".join(command.help.split("\n\n")[0].split())


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        ("--help", {"numpy", "fewshot_bench.config"}),
        ("loss --help", {"numpy", "fewshot_bench.config"}),
        ("list methods", {"numpy", "fewshot_bench.config"}),
        ("evaluate --help", {"torch"}),
        ("evaluate --method maml --benchmark glyphs --show-config", {"torch"}),
        ("train --method maml --benchmark glyphs --show-config", {"torch"}),
        ("reproduce --list", {"torch"}),
        ("compare --help", {"torch"}),
        ("results --help", {"torch"}),
        ("leaderboard --help", {"torch", "matplotlib"}),
    ],
)
def test_what_a_command_does_not_import(words, heavy):
    code = (
        f"import sys; sys.argv = {['fsbench', *words.split()]!r}\n"
        "from fewshot_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        f"assert not {heavy!r} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fsbench eva", {"evaluate"}),
        ("fsbench evaluate --sampl", {"--sampler"}),
        ("fsbench loss sh", {"show"}),
        ("fsbench results ver", {"verify"}),
    ],
)
def test_completion_knows_commands_and_their_options(line, expected):
    shell = {
        "_FSBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    code = "from fewshot_bench.cli.app import app; app(prog_name='fsbench')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **shell},
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == expected


def test_an_unknown_command_gets_a_hint():
    assert "Did you mean 'evaluate'?" in " ".join(fsbench("evalute", code=2)[1].split())


def test_groups_offer_no_installation_of_completion():
    out = re.sub(r"\x1b\[[0-9;]*m", "", fsbench_process("data", "--help")[0])
    assert "prepare" in out
    assert "--install-completion" not in out

"""The pages of the documentation site that are made or that promise to run."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer

from fewshot_bench.cli.app import app
from tests.cli.common import fsbench

DOCS = Path(__file__).parents[1] / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TUTORIAL, re.DOTALL)


def commands():
    lines = "\n".join(blocks("sh")).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("fsbench ")]


def reference():
    spec = importlib.util.spec_from_file_location("site_commands", DOCS / "commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.reference()


def part(group, name):
    return group.resolve_command(group.context_class(group), [name])[1]


def test_the_reference_has_every_command_with_every_option():
    page = reference()

    def check(command, path):
        if hasattr(command, "list_commands"):
            for name in command.commands:
                check(part(command, name), f"{path} {name}")
            return
        [section] = re.findall(rf"^##+ {path}$(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
        options = [one for one in command.params if one.param_type_name == "option"]
        assert all(option.opts[0] in section for option in options)

    check(typer.main.get_command(app), "fsbench")
    assert page.count("\n## fsbench ") == len(typer.main.get_command(app).commands)
    assert "| `--seeds " in page


@pytest.mark.parametrize("words", [words for words in commands() if words[0] == "evaluate"])
def test_the_settings_of_the_tutorial_are_possible(words):
    out, _ = fsbench(*words, "--show-config")
    assert 'method = "protonet"' in out


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_of_the_tutorial_exist(words):
    command, words = typer.main.get_command(app), list(words)
    while hasattr(command, "list_commands"):
        command = part(command, words.pop(0))
    command.make_context("", words)  # raises where arguments or options are unknown


@pytest.mark.slow
def test_the_python_of_the_tutorial_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in blocks("python"):
        exec(compile(code, "docs/tutorial.md", "exec"), names)
    random, trained = names["result"], names["trained"]
    assert random.accuracy.mean() > 0.25  # chance is 0.2
    assert trained.accuracy.mean() > random.accuracy.mean() + 0.05
    assert {folder.name for folder in Path("results").iterdir()} == {"random", "trained"}


def test_search_from_disk_loads_no_script_from_elsewhere():
    # The offline plugin adds one of unpkg.com unless a script of this name is there.
    [script] = re.findall(r"- (\S*iframe-worker\S*)", (DOCS.parent / "mkdocs.yml").read_text())
    assert (DOCS / script).exists()

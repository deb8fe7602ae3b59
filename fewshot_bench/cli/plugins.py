"""The user's plug-in files. Apart from the options, because ``list`` needs no configuration."""

from pathlib import Path

from fewshot_bench.registry import run_plugin


def run_plugins(paths: list[str] | None) -> None:
    """Run plug-in files in the order given."""
    for path in paths or []:
        run_plugin(Path(path))

"""Tables: aligned, bold where it is earned, and unharmed by hostile text."""

import csv
import io
import re
import shutil
import subprocess

import pytest

from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.identity import config_sha256
from fewshot_bench.leaderboard.board import Board, Leaderboard
from fewshot_bench.leaderboard.board_file import load_board
from fewshot_bench.leaderboard.build import build_leaderboard
from fewshot_bench.leaderboard.measured import place
from fewshot_bench.leaderboard.published import read_published
from fewshot_bench.leaderboard.render import Style, render, write
from fewshot_bench.leaderboard.tables.columns import COLUMNS, flags, ranks, seconds, size
from fewshot_bench.leaderboard.tables.escape import latex, markdown, spreadsheet
from fewshot_bench.leaderboard.tables.order import file_stem
from tests.leaderboard.synthetic import forged, synthetic
from tests.leaderboard.test_board import row
from tests.leaderboard.test_build import store
from tests.leaderboard.test_published import FILE

HOSTILE = (
    '<script>alert("x")</script>|](javascript:1)\\input{/etc/passwd}%&#_^~${}"../../x`'
    "\n=1+1\x1b[2Jé漢†"
)


def board(rows, published=()):
    return Board(
        id="glyphs/5-1/inductive",
        benchmark="glyphs",
        way=5,
        shot=1,
        setting="inductive",
        measured=tuple(rows),
        published=tuple(published),
    )


@pytest.fixture(scope="module")
def leaderboard(tmp_path_factory):
    results = [
        synthetic(method, skill, seed, setting=setting)
        for method, skill, setting in (
            ("protonet", 0.0, "inductive"),
            (HOSTILE, 0.1, "inductive"),
            ("maml", 0.05, "transductive_bn"),
        )
        for seed in range(3)
    ]
    published = [row for row in read_published(FILE) if row.benchmark == "fc100"]
    return build_leaderboard(store(tmp_path_factory.mktemp("x"), results), published)


@pytest.fixture(scope="module")
def files(leaderboard):
    return {path: data.decode() for path, data in render(leaderboard).items()}


def grids(text):
    """Tables of a Markdown page, as lists of lines."""
    blocks = re.split(r"\n\n+", text)
    return [block.splitlines() for block in blocks if block.startswith("|")]


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_columns_line_up_in_markdown(files):
    for name, text in files.items():
        for grid in grids(text) if name.endswith(".md") else ():
            assert len({len(line) for line in grid}) == 1, name
            assert len({len(cells(line)) for line in grid}) == 1, name


def test_who_may_lead_is_bold_and_nobody_else(files):
    [grid] = grids(files["tables/glyphs.md"])
    assert [cells(line)[0] for line in (grid[2], grid[5], grid[6])] == [
        "*measured, inductive*",
        "*measured, transductive by batch normalisation*",
        "maml",  # alone
    ]
    assert [cells(line)[0].startswith("**") for line in grid[3:5]] == [True, False]
    assert re.fullmatch(r"\*\*6\d\.\d\d ± \d\.\d\d\*\*", cells(grid[3])[2])
    assert not any("**" in line for grid in grids(files["tables/fc100.md"]) for line in grid)
    assert files["tables/glyphs-5-1.tex"].count(r"\textbf{") == 2


def test_the_index_has_a_line_for_each_list_of_episodes(tmp_path):
    results = [
        *(synthetic(method, skill) for method, skill in (("protonet", 0.0), ("anil", 0.1))),
        synthetic("boil", 0.3, sampler=("replacement", 7), episodes=700),
    ]
    published = [row for row in read_published(FILE) if row.benchmark == "fc100"]
    leaderboard = build_leaderboard(store(tmp_path, results), published)
    measured, quoted = grids(render(leaderboard)["README.md"].decode())
    first, second = (cells(line)[1:] for line in measured if "glyphs" in line)
    assert re.fullmatch(r"anil 6\d\.\d\d ± 0\.\d\d", first[1])  # inductive
    assert re.fullmatch(r"boil \d\d\.\d\d ± 0\.\d\d \(alone\)", second[1])
    assert (first[0], first[2:]) == ("1000 episodes", ["", "", "2", ""])
    assert (second[0], second[2:]) == ("700 episodes", ["", "", "1", ""])
    assert sum(int(cells(line)[-1]) for line in quoted[2:]) == len(published)


def test_those_that_may_be_as_good_as_the_best_are_counted(tmp_path):
    results = [synthetic(method, skill) for method, skill in (("a", 0), ("b", 0.001), ("c", -0.1))]
    page = render(build_leaderboard(store(tmp_path, results), []))["README.md"].decode()
    assert len(re.findall(r"\| [ab] \d\d\.\d\d ± 0\.\d\d \(1 not told apart\)", page)) == 1


def test_what_was_trained_shortly_stands_apart_where_others_were_not(tmp_path):
    def steps(n):
        return lambda info, _: info["method"]["config"]["train"].update(steps=n)

    def rehashed(result, n):
        def change(info, columns):
            steps(n)(info, columns)
            info["method"]["config_sha256"] = config_sha256(info["method"]["config"])

        return forged(result, change)

    short = [rehashed(synthetic(name, 0.1), 300) for name in ("a", "b")]
    full = [rehashed(synthetic(name), 3000) for name in ("c", "d")]
    alone = build_leaderboard(store(tmp_path / "1", short), [])
    assert [board.id for board in alone.boards] == ["glyphs/5-1/inductive"]
    assert all("short_training" in row.flags for row in alone.rows().values())
    both = build_leaderboard(store(tmp_path / "2", [*short, *full]), [])
    ids = ["glyphs/5-1/inductive", "glyphs/5-1/inductive/short-training"]
    assert [board.id for board in both.boards] == ids
    assert [board.measured[0].rank[0] for board in both.boards] == [1, 1]
    [grid] = grids(render(both)["tables/glyphs.md"].decode())
    titles = [text for line in grid if (text := cells(line)[0]).startswith("*m")]
    assert titles == [
        "*measured, inductive*",
        "*measured, inductive, short training (under 1,000 steps)*",
    ]
    index = render(both)["README.md"].decode()
    assert not re.search(r"\| [ab] \d", index)


def test_accuracy_is_percent_in_tables_and_a_fraction_in_data(files):
    [first, *_] = csv.DictReader(io.StringIO(files["tables/fc100.csv"]))
    assert 0 < float(first["accuracy"]) < 1
    assert f"{100 * float(first['accuracy']):.2f}" in files["tables/fc100.md"]


def test_hostile_text_is_harmless_in_markdown(files):
    text = files["tables/glyphs.md"] + files["README.md"]
    assert "<script" not in text
    assert "\\]" in text
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    assert "\x1b" not in text


def test_every_text_of_a_hostile_result_is_harmless(tmp_path):
    facts = {"benchmark": HOSTILE, "backbone": HOSTILE, "fingerprint": "`<b>x</b>`"}
    stored = store(tmp_path, [synthetic(HOSTILE, options={HOSTILE: HOSTILE}, **facts)])
    stored.rows.update(store(tmp_path, [synthetic(HOSTILE, 0.1, **facts)]).rows)
    made = render(build_leaderboard(stored, []))
    assert all(re.fullmatch(r"(tables/)?[\w.+=-]+", path) for path in made)
    for path, data in made.items():
        if path.endswith(".md"):
            assert "<script" not in data.decode()
            assert "<b>" not in data.decode()
        if path.endswith(".tex"):
            check_latex(data.decode())
        if path.endswith(".html"):
            assert "<script>alert" not in data.decode()
    write(tmp_path / "out", made, Style())
    assert {p.name for p in tmp_path.iterdir()} == {"results", "out"}


def test_hostile_text_is_harmless_in_a_spreadsheet(files):
    lines = list(csv.DictReader(io.StringIO(files["tables/glyphs.csv"])))
    assert len(lines) == 3
    assert not any(value.startswith(("=", "+", "@")) for line in lines for value in line.values())
    assert spreadsheet("=1+1") == "'=1+1"
    assert spreadsheet("maml+ml3") == "maml+ml3"


def test_hostile_names_stay_inside_the_folder(tmp_path):
    for name in (HOSTILE, "..", "/etc/passwd", "a/../../b", ".hidden", "x" * 200, "con\x00"):
        path = place(synthetic(name, episodes=50))
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert len(path.parts) == 4
        assert re.fullmatch(r"[\w.+=-]{1,80}", file_stem(name))
    assert file_stem("a/b") != file_stem("a_b")


COMMAND = re.compile(r"\\([A-Za-z]+|.)")
ALLOWED = {
    *re.findall(
        r"\S+",
        "begin end"
        " emph toprule midrule bottomrule multicolumn par smallskip footnotesize textbf"
        " textbackslash textasciitilde"
        " textasciicircum textless textgreater textquotedbl textbar pm times mu dag ddag",
    ),
    *"&%$#_{}\\,",
}


def check_latex(text):
    """Only known commands, balanced braces and environments, and as many cells as columns."""
    assert text.isascii()
    text = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert set(COMMAND.findall(text)) <= ALLOWED
    bare = re.sub(r"\\[&%$#_{}\\]", "", text)
    assert bare.count("{") == bare.count("}")
    assert re.sub(r"\$\\(pm|times|mu)\$", "", bare).count("$") == 0
    assert "^" not in bare
    assert "#" not in bare
    assert "~" not in bare
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    columns = len(re.search(r"@\{\}([lr]+)@\{\}", text).group(1))
    for line in text.splitlines():
        if line.endswith(r" \\"):
            wide = line.startswith(rf"\multicolumn{{{columns}}}")
            assert len(re.findall(r"(?<!\\)&", line)) == (0 if wide else columns - 1), line


def test_latex_is_well_formed(files):
    documents = [text for name, text in files.items() if name.endswith(".tex")]
    assert len(documents) == 3
    for text in documents:
        check_latex(text)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
def test_latex_compiles_as_input(files, tmp_path):
    for name in ("glyphs", "fc100"):
        (tmp_path / "rows.tex").write_text(files[f"tables/{name}-5-1.tex"])
        (tmp_path / f"{name}.tex").write_text(
            r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}"
            r"\begin{document}\begin{table}\input{rows}\end{table}\end{document}"
        )
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        assert (tmp_path / f"{name}.pdf").stat().st_size > 5000


def test_every_character_that_latex_minds_is_escaped():
    assert latex(r"a\b{c}$d&e#f^g_h~i%j") == (
        r"a\textbackslash{}b\{c\}\$d\&e\#f\textasciicircum{}g\_h\textasciitilde{}i\%j"
    )
    assert latex("é漢 ± †") == r"e? $\pm$ \dag{}"
    assert markdown("a|b\n*c* <d>") == r"a\|b \*c\* &lt;d&gt;"


def test_the_document_of_a_hostile_board_reads_back(leaderboard, tmp_path):
    (tmp_path / "board.json").write_bytes(render(leaderboard)["board.json"])
    assert load_board(tmp_path / "board.json") == leaderboard
    assert HOSTILE in {one.method for one in leaderboard.rows().values()}


def test_rows_are_sorted_within_their_kind():
    rows = [row("a", time_s=0.3, rank=(1, 1)), row("b", time_s=None), row("c", time_s=0.1)]
    published = [row("p", kind="published", accuracy=0.9)]
    one = Leaderboard(boards=(board([], published),))
    assert "p" in render(one)["tables/glyphs.md"].decode()
    assert [r.id for r in sorted(rows, key=COLUMNS["time"].key)] == ["c", "a", "b"]
    assert [r.id for r in sorted(rows, key=COLUMNS["rank"].key)] == ["a", "b", "c"]
    assert [r.id for r in sorted(rows, key=COLUMNS["method"].key)] == ["a", "b", "c"]


def test_only_chosen_formats_are_touched(leaderboard, tmp_path):
    write(tmp_path, render(leaderboard), Style())
    style = Style(formats=["md"])
    changed = write(tmp_path, render(Leaderboard(), style), style)
    assert changed == ["README.md", "tables/fc100.md", "tables/glyphs.md"]
    assert (tmp_path / "tables" / "glyphs-5-1.tex").exists()
    with pytest.raises(ConfigError, match="no column 'speed'"):
        render(leaderboard, Style(columns=["speed"]))


def test_cells_in_words():
    assert [ranks(row("a", rank=r)) for r in ((1, 1), (2, 5), None)] == ["1", "2-5", ""]
    assert [seconds(s) for s in (7200, 90, 2.5, 0.0123, 2e-6, None)] == [
        "2 h", "1.5 min", "2.5 s", "12.3 ms", "2 µs", "",
    ]  # fmt: skip
    assert [size(b) for b in (5e8, 1.25e9, 999, None, 0)] == ["500 MB", "1.25 GB", "999 B", "", ""]
    everything = row("a", pre_trained=True, adaptation=True, ensemble=False, flags=("single_seed",))
    assert flags(everything) == "pre-trained, our adaptation, single seed"

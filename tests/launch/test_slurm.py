"""Slurm by submitit: the scripts, and the whole way with submitit's executor without Slurm."""

import os

import pytest

from tests.cli.common import fails, fsbench
from tests.launch.common import contents, sweep_file

SMALL = {"seeds": [0], "shots": [1], "grid": None}
SLURM = {
    "partition": "gpu",
    "time": 90,
    "gpus": 1,
    "memory_gb": 8,
    "parallel": 2,
    "setup": ["module load cuda"],
    "more": {"mail-type": "END"},
}


def test_scripts_are_what_the_file_asks_for_array_after_array(tiny_folder, tmp_path):
    pytest.importorskip("submitit")
    file = sweep_file(tmp_path / "a.toml", tiny_folder, threads=4, slurm=SLURM)
    words = ("--engine", "slurm", "--dry-run", "--out", tmp_path / "out")
    said, _ = fsbench("sweep", file, *words)
    plan, *scripts = said.split("#!/bin/bash\n")
    assert plan.startswith("24 cells: 0 there, 24 to measure\n12 shared trainings first")
    assert len(scripts) == 3  # backbones, models, cells
    for script, jobs in zip(scripts, (3, 9, 24), strict=True):
        lines = script.splitlines()
        assert f"#SBATCH --array=0-{jobs - 1}%2" in lines
        for option in ("partition=gpu", "time=90", "gpus-per-node=1", "mem=8GB", "cpus-per-task=4"):
            assert f"#SBATCH --{option}" in lines
        assert "#SBATCH --mail-type=END" in lines
        assert lines.index("module load cuda") < lines.index("export SUBMITIT_EXECUTOR=slurm")
        assert str(tmp_path / "out" / ".sweep" / "slurm") in script
    waits = [line for script in scripts for line in script.splitlines() if "dependency" in line]
    assert waits == [f"#SBATCH --dependency='afterany:<array {n}>'" for n in (1, 2)]
    assert not (tmp_path / "out").exists()


# The executors of submitit leave files open.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_submitted_cells_are_those_of_this_machine(tiny_folder, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    for cluster in ("debug", "local"):
        changes = {**SMALL, "slurm": {"cluster": cluster}}
        changes |= {"methods": ["simpleshot"]} if cluster == "local" else {}
        file = sweep_file(tmp_path / f"{cluster}.toml", tiny_folder, **changes)
        found = []
        for engine in ("local", "slurm"):
            monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / cluster / engine / "cache"))
            out = tmp_path / cluster / engine / "out"
            fsbench("sweep", file, "--engine", engine, "--out", out)
            found.append(contents(out))
        assert len(found[0]) == (1 if cluster == "local" else 2)
        assert found[0] == found[1]


FAKE = {  # Slurm with one machine: an array's tasks are processes, one after the other
    "srun": '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do\n'
    '  case "$1" in --unbuffered) shift;; *) shift 2;; esac\ndone\nexec "$@"\n',
    "sbatch": """#!/bin/sh
echo "$1" >> "$FAKE/submitted"
n=$(wc -l < "$FAKE/submitted")
cp "$1" "$FAKE/$n.sh"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$1")
(
  export SLURM_JOB_ID=70$n SLURM_ARRAY_JOB_ID=70$n SLURM_JOB_NUM_NODES=1 SLURM_NTASKS=1
  export SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0 SLURM_JOB_NODELIST=here
  if [ -z "$last" ]; then
    unset SLURM_ARRAY_JOB_ID
    sh "$1"
  else
    for task in $(seq 0 $last); do
      SLURM_ARRAY_TASK_ID=$task SLURM_JOB_ID=70${n}_$task sh "$1"
    done
  fi
) > "$FAKE/$n.log" 2>&1 &
echo "Submitted batch job 70$n"
""",
    "sacct": "#!/bin/sh\nexit 0\n",
    "scancel": "#!/bin/sh\nexit 0\n",
    "scontrol": "#!/bin/sh\necho here\n",
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_arrays_wait_for_each_other_and_their_answers_come_back(tiny_folder, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    (tmp_path / "bin").mkdir()
    for name, text in FAKE.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(tmp_path))
    changes = {**SMALL, "seeds": [0], "methods": ["protonet", "simpleshot"]}
    file = sweep_file(tmp_path / "a.toml", tiny_folder, **changes)
    fsbench("sweep", file, "--engine", "slurm", "--out", tmp_path / "slurm")
    first, second = ((tmp_path / f"{n}.sh").read_text() for n in (1, 2))
    assert "#SBATCH --array" not in first  # one shared backbone
    assert "#SBATCH --array=0-1%2" in second
    assert "#SBATCH --dependency=afterany:701" in second
    monkeypatch.setenv("FSBENCH_CACHE", str(tmp_path / "other"))
    fsbench("sweep", file, "--out", tmp_path / "local")
    assert contents(tmp_path / "slurm") == contents(tmp_path / "local")


def test_without_slurm_it_is_one_line(tiny_folder, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    file = sweep_file(tmp_path / "a.toml", tiny_folder, **SMALL)
    line = fails("sweep", file, "--engine", "slurm", "--quiet", "--out", tmp_path / "out")
    assert line.startswith("fsbench: there is no Slurm on this machine")

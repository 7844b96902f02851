"""The story that the README tells: from raw files to a table, with the commands that a user types."""

import shlex
import subprocess
import sys
from pathlib import Path

RECIPES = Path(__file__).parents[1] / "data_prep"
PROGRAMS = {"python": [sys.executable], "dlscan": [sys.executable, "-P", "-m", "dlscan"]}
EXPERIMENT = """
name: lcd-dense
data:
  raw: raw
  classes: {Ele: EleEscan, ChPi: ChPiEscan}
  inputs: [ECAL, HCAL]
  normalize: {ECAL: {scale: 100}, HCAL: {scale: 100}}
train: {epochs: 4, batch_size: 32, learning_rate: 0.01}
scan:
  grid: {model.width: [8, 16]}
batch: {models_per_job: 2}
"""


def test_from_raw_files_to_a_table(tmp_path: Path) -> None:
    def run(command: str) -> str:
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [*PROGRAMS[program], *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    simulation = shlex.quote(str(RECIPES / "simulate_showers.py"))
    run(f"python {simulation} raw --events 100 --files 3 --classes Ele,ChPi")
    (tmp_path / "lcd.yaml").write_text(EXPERIMENT, encoding="utf-8")

    assert "600 events from 6 files" in run("dlscan prepare lcd.yaml --workers 1")
    assert "2 of 2 points done" in run("dlscan scan lcd.yaml")
    assert "2 done" in run("dlscan status lcd.yaml")

    header, *rows = run("dlscan table lcd.yaml --columns Width,Mean_AUC --format csv").splitlines()
    assert header == "Model Name,Width,Mean_AUC"
    assert [row.split(",")[1] for row in rows] == ["8", "16"]
    assert all(float(row.split(",")[2]) > 0.9 for row in rows)

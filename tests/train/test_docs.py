import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "train.md"


def test_examples_of_the_page_run_without_dlscan(undisturbed, mapping, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    # a loss of one's own is a file beside the experiment, and has a test of its own
    examples = [example for example in found if not example.startswith("# losses.py")]
    point = tmp_path / re.search(r'point = "(.*)"', text)[1]
    raw = tmp_path / re.search(r'File\("(V2/.*)"\)', text)[1]
    point.parent.mkdir(parents=True)
    raw.parent.mkdir(parents=True)
    point.symlink_to(undisturbed.directory)
    raw.symlink_to(next(Path(mapping["data"]["raw"], "Ele").iterdir()))
    check = "import sys\nassert scores.shape[1] == 3\nassert 'dlscan' not in sys.modules\n"
    environment = {**os.environ, "PYTHONPATH": ""}

    command = [sys.executable, "-c", "\n".join([*examples[:1], check, *examples[1:], check])]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert len(examples) == 2
    assert re.search(r"efficiency above 50 GeV: (0\.[5-9]|1\.0)", done.stdout)


def test_page_names_every_column_of_the_history(undisturbed):
    assert undisturbed.history.read_text().splitlines()[0] in PAGE.read_text(encoding="utf-8")

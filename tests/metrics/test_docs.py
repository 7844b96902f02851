import re
import subprocess
import sys
from pathlib import Path

from dlscan.metrics import (
    measure,
    measure_reconstruction,
    measure_regression,
    measure_regression_validation,
    measure_validation,
)
from dlscan.metrics.classification import BINS
from dlscan.metrics.quantiles import LEAST_EVENTS

PAGE = Path(__file__).parents[2] / "docs" / "evaluate.md"


def test_example_of_the_page_prints_what_the_page_shows():
    example, shown = re.search(
        r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    ).groups()
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown


def test_page_explains_every_metric():
    text = PAGE.read_text(encoding="utf-8")
    scores, labels, classes = [[0.9, 0.1], [0.2, 0.8]], [0, 1], ["A", "B"]
    for names in (
        measure(scores, labels, classes).values,
        measure_validation(scores, labels, classes).values,
    ):
        for name in names:
            general = name.replace("B_vs_A", "A_vs_B").replace("A_vs_B", "<A>_vs_<B>")
            general = re.sub(r"(^|_)[AB]_AUC$", r"\1<Class>_AUC", general)
            assert f"`{general}`" in text or f"`{general.partition('@')[0]}@50`" in text, name
            assert "@" not in name or f"`@{name[-2:]}`" in text or name.endswith("@50")
    anomalies = measure_reconstruction(
        [1.0, 2.0, 3.0], [0, 1, 2], ("A", "B", "C"), ["A"], None, [1.0, 2.0, 3.0]
    )
    for name in anomalies.values:
        assert f"`{re.sub(r'^[BC]_', '<Class>_', name)}`" in text, name
    assert f"in {BINS} bins" in text
    assert f"fewer than {LEAST_EVENTS} effective events" in text


def test_page_explains_every_metric_of_a_regression():
    text = PAGE.read_text(encoding="utf-8")
    events = [[1.0, 1.0]], [[1.5, 1.5]], ["A", "B"], None, [[1.0, 1.0]]
    for function in (measure_regression, measure_regression_validation):
        for name in function(*events).values:
            assert f"`{re.sub('[AB]_', '<Target>_', name, count=1)}`" in text, name

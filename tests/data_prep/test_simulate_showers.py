"""The simulated showers: layout, random numbers, and the physics that they are to show."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

RECIPES = Path(__file__).parents[2] / "data_prep"
CLASSES = {"Ele": 11, "Gamma": 22, "Pi0": 111, "ChPi": 211}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def recipe(name: str, *arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(RECIPES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.fixture(scope="module")
def showers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """500 events of each class, as the command writes them."""
    out = tmp_path_factory.mktemp("showers")
    done = recipe("simulate_showers.py", out, "--events", 250, "--files", 2, "--seed", 3)
    assert done.returncode == 0, done.stderr
    found = {}
    for name in CLASSES:
        paths = sorted((out / f"{name}Escan").iterdir())
        assert [path.name for path in paths] == [f"{name}Escan_1.h5", f"{name}Escan_2.h5"]
        parts = []
        for path in paths:
            with h5py.File(path) as handle:
                parts.append({key: handle[key][...] for key in ("ECAL", "HCAL", "target")})
                assert handle["ECAL"].chunks[1:] == (25, 25, 25)
        found[name] = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return found


def visible(events: dict[str, np.ndarray]) -> np.ndarray:
    return events["ECAL"].sum((1, 2, 3)) + events["HCAL"].sum((1, 2, 3))


def mean_depth(events: dict[str, np.ndarray]) -> float:
    profile = events["ECAL"].sum((0, 1, 2))
    return float((profile * np.arange(25)).sum() / profile.sum())


@pytest.mark.parametrize("name", CLASSES)
def test_the_layout_is_that_of_the_lcd_sets(showers: dict[str, dict[str, np.ndarray]], name: str) -> None:
    events = showers[name]
    assert events["ECAL"].shape == (500, 25, 25, 25)
    assert events["HCAL"].shape == (500, 5, 5, 60)
    assert events["target"].shape == (500, 1, 5)
    assert {array.dtype for array in events.values()} == {np.dtype(np.float32)}
    code, energy, px, py, pz = events["target"][:, 0].T
    assert set(code) == {CLASSES[name]}
    assert 10 <= energy.min() < 15 < 105 < energy.max() <= 110
    assert not px.any()
    assert not py.any()
    assert ((energy - pz >= -1e-4) & (energy - pz < 2e-3)).all()
    assert (events["ECAL"] >= 0).all()


@pytest.mark.parametrize("name", CLASSES)
def test_visible_energy_is_linear(showers: dict[str, dict[str, np.ndarray]], name: str) -> None:
    events = showers[name]
    energy = events["target"][:, 0, 1]
    low, high = (np.median((visible(events) / energy)[half]) for half in (energy < 60, energy >= 60))
    # a little more leaks out of the back at higher energies; pions become more electromagnetic
    assert high / low == pytest.approx(1, abs=0.15 if name == "ChPi" else 0.06)
    assert np.median(visible(events) / energy) == pytest.approx(0.0135 if name == "ChPi" else 0.021, rel=0.12)


def test_photons_start_deeper_than_electrons(showers: dict[str, dict[str, np.ndarray]]) -> None:
    assert mean_depth(showers["Gamma"]) - mean_depth(showers["Ele"]) == pytest.approx(1.0, abs=0.5)


def test_neutral_pions_are_broader_than_photons(showers: dict[str, dict[str, np.ndarray]]) -> None:
    def core(events: dict[str, np.ndarray]) -> float:
        return float(events["ECAL"][:, 12].sum() / events["ECAL"].sum())

    assert core(showers["Gamma"]) == pytest.approx(0.64, abs=0.03)
    assert core(showers["Pi0"]) == pytest.approx(0.51, abs=0.03)


def test_charged_pions_reach_the_hadronic_section(showers: dict[str, dict[str, np.ndarray]]) -> None:
    share = {n: e["HCAL"].sum() / (e["ECAL"].sum() + e["HCAL"].sum()) for n, e in showers.items()}
    assert share["ChPi"] > 0.7
    assert max(share["Ele"], share["Gamma"], share["Pi0"]) < 0.03
    # a minimum ionising track before the first interaction: most have little in the first planes
    first = showers["ChPi"]["ECAL"][..., :5].sum((1, 2, 3))
    assert np.median(first) < 0.003


@pytest.mark.parametrize(
    ("name", "ecal", "hcal"),
    [("Ele", 2.67, 0.77), ("Gamma", 2.45, 0.87), ("Pi0", 2.78, 0.85), ("ChPi", 0.73, 12.4)],
)
def test_cells_are_as_empty_as_in_a_full_simulation(
    showers: dict[str, dict[str, np.ndarray]], name: str, ecal: float, hcal: float
) -> None:
    events = showers[name]
    assert 100 * np.mean(events["ECAL"] != 0) == pytest.approx(ecal, rel=0.25)
    assert 100 * np.mean(events["HCAL"] != 0) == pytest.approx(hcal, rel=0.25)


def test_pi0_decays_keep_energy_and_momentum_at_no_less_than_the_least_angle() -> None:
    from particles import PION0_MASS, pion0_photons

    energy = np.full(20_000, 5.0)
    (e1, x1, y1), (e2, x2, y2) = pion0_photons(energy, np.random.default_rng(1))
    np.testing.assert_allclose(e1 + e2, energy)
    first, second = (np.stack([x, y, np.ones_like(x)]) for x, y in ((x1, y1), (x2, y2)))
    first, second = (e * v / np.linalg.norm(v, axis=0) for e, v in ((e1, first), (e2, second)))
    forward = (e1 > 0.1) & (e2 > 0.1)  # elsewhere a slope stands for a photon that flies sideways
    momentum = (first + second)[:, forward]
    np.testing.assert_allclose(momentum[:2], 0, atol=1e-6)
    np.testing.assert_allclose(momentum[2], np.sqrt(25 - PION0_MASS**2), rtol=1e-6)
    cosine = (first * second).sum(axis=0) / (e1 * e2)
    angle = np.arccos(np.clip(cosine, -1, 1))
    least = 2 * np.arcsin(PION0_MASS / 5.0)
    assert angle[forward].min() == pytest.approx(least, rel=1e-3)
    # isotropic in its rest frame: the energy of a photon is even between its limits
    counts, _ = np.histogram(e1, bins=10, range=((5 - momentum[2, 0]) / 2, (5 + momentum[2, 0]) / 2))
    assert ((counts - 2000) ** 2 / 2000).sum() < 27.9  # 9 degrees of freedom, p = 0.001


def test_the_electromagnetic_fraction_rises_with_energy() -> None:
    from particles import em_fraction

    fractions = em_fraction(np.array([10.0, 50.0, 100.0]))
    assert (np.diff(fractions) > 0).all()
    assert fractions[2] == pytest.approx(0.56, abs=0.02)


def digest(directory: Path) -> dict[str, str]:
    found = {}
    for path in sorted(directory.rglob("*.h5")):
        with h5py.File(path) as handle:
            content = b"".join(handle[key][...].tobytes() for key in sorted(handle))
        found[path.name] = hashlib.sha256(content).hexdigest()
    return found


def test_the_same_seed_gives_the_same_events_and_more_files_only_add(tmp_path: Path) -> None:
    arguments = ("--events", 20, "--classes", "Gamma,ChPi", "--seed", 5)
    recipe("simulate_showers.py", tmp_path / "a", *arguments, "--files", 1)
    recipe("simulate_showers.py", tmp_path / "b", *arguments, "--files", 2, cwd="/")
    first, second = digest(tmp_path / "a"), digest(tmp_path / "b")
    assert first.items() < second.items()
    assert len(set(second.values())) == 4
    again = recipe("simulate_showers.py", tmp_path / "a", *arguments, "--files", 2)
    assert "2 files of 20 events, 1 were there" in again.stdout
    assert digest(tmp_path / "a") == second
    other = recipe("simulate_showers.py", tmp_path / "c", *arguments[:-1], 6, "--files", 2)
    assert other.returncode == 0
    assert not set(digest(tmp_path / "c").values()) & set(second.values())


def test_files_of_other_arguments_are_not_replaced_unless_forced(tmp_path: Path) -> None:
    recipe("simulate_showers.py", tmp_path, "--events", 5, "--files", 1, "--classes", "Ele")
    before = digest(tmp_path)
    refused = recipe("simulate_showers.py", tmp_path, "--events", 6, "--files", 1, "--classes", "Ele")
    assert refused.returncode == 1
    assert "EleEscan_1.h5: is there, made with other arguments" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert digest(tmp_path) == before
    recipe("simulate_showers.py", tmp_path, "--events", 6, "--files", 1, "--classes", "Ele", "--force")
    assert digest(tmp_path) != before


def test_a_directory_never_mixes_two_samples(tmp_path: Path) -> None:
    arguments = (tmp_path, "--events", 5, "--classes", "Ele,Gamma")
    recipe("simulate_showers.py", *arguments, "--files", 2)
    directory = tmp_path / "GammaEscan"
    (directory / "GammaEscan_1.h5").unlink()
    before = digest(tmp_path)
    refused = recipe("simulate_showers.py", *arguments, "--files", 1, "--seed", 2)
    assert (refused.returncode, digest(tmp_path)) == (1, before)
    recipe("simulate_showers.py", *arguments, "--files", 1, "--seed", 2, "--force")
    assert [path.name for path in directory.iterdir()] == ["GammaEscan_1.h5"]
    (directory / "GammaEscan_1.h5").rename(directory / "GammaEscan_7.h5")
    (directory / ".GammaEscan_2-1-ab.h5").write_bytes(b"what a kill leaves")
    assert recipe("simulate_showers.py", *arguments, "--files", 1, "--seed", 2).returncode == 0


def test_files_of_others_stay_even_if_forced(tmp_path: Path) -> None:
    path = tmp_path / "EleEscan" / "EleEscan_1.h5"
    path.parent.mkdir()
    with h5py.File(path, "w") as handle:
        handle["ECAL"] = np.ones(3)
    refused = recipe("simulate_showers.py", tmp_path, "--classes", "Gamma,Ele", "--events", 5, "--force")
    assert refused.returncode == 1
    assert "EleEscan_1.h5: was not made by simulate_showers and stays" in refused.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["EleEscan"]
    with h5py.File(path) as handle:
        assert list(handle) == ["ECAL"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--classes", "Ele,Muon"], "no particle 'Muon'; there are Ele, Gamma, Pi0, ChPi"),
        (["--energy", "50", "10"], "the least must be below the most"),
        (["--events", "0"], "--events"),
    ],
)
def test_wrong_arguments_are_usage_errors(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = recipe("simulate_showers.py", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["simulate_showers.py", "compare_showers.py"])
def test_help_teaches_with_an_example(name: str) -> None:
    done = recipe(name, "--help")
    assert done.returncode == 0
    assert f"python data_prep/{name} " in done.stdout


def test_agreement_with_a_full_simulation(real_data: Path, tmp_path: Path) -> None:
    """Means to 5 %, layers to 10 % of the highest one; both also have their statistical errors."""
    from compare_showers import read
    from particles import PARTICLES

    recipe("simulate_showers.py", tmp_path, "--events", 1000, "--files", 1, "--seed", 11)
    for name, particle in PARTICLES.items():
        reference, simulation = (
            read(place / particle.directory) for place in (real_data / "lcd_g3", tmp_path)
        )
        for kind in ("ecal_sum", "hcal_sum") if name == "ChPi" else ("ecal_sum",):
            a, b = (getattr(sample, kind) for sample in (reference, simulation))
            error = 3 * np.hypot(a.std() / np.sqrt(len(a)), b.std() / np.sqrt(len(b)))
            assert b.mean() == pytest.approx(a.mean(), abs=0.05 * a.mean() + error), (name, kind)
        for kind in ("ecal_depth", "lateral") if name != "ChPi" else ("hcal_depth",):
            a, b = (getattr(sample, kind).mean(axis=0) for sample in (reference, simulation))
            spread = getattr(reference, kind).std(axis=0) / np.sqrt(len(reference.ecal_sum))
            assert (np.abs(a - b) < 0.1 * a.max() + 4 * spread).all(), (name, kind)


def test_the_comparison_draws_a_picture_and_prints_a_table(tmp_path: Path) -> None:
    recipe("simulate_showers.py", tmp_path / "a", "--events", 40, "--files", 1)
    picture = tmp_path / "showers.png"
    done = recipe("compare_showers.py", tmp_path / "a", tmp_path / "a", "-o", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    for name in CLASSES:
        assert f"\n{name} " in done.stdout
    missing = recipe("compare_showers.py", tmp_path / "a", tmp_path, "-o", tmp_path / "no.png")
    assert missing.returncode == 1
    assert "no HDF5 files" in missing.stderr
    assert not (tmp_path / "no.png").exists()

"""The wheel, alone in an empty environment and far from a checkout, does the main job."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it needs, the latter borrowed from the running one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return folder


def run(environment: Path, folder: Path, *arguments: str) -> str:
    command = [str(environment / "bin" / "communique"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout


def test_the_wheel_holds_the_package_the_data_and_the_default_model_and_no_more(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} <= {"communique", f"communique-{wheel.name.split('-')[1]}.dist-info"}
    assert "communique/py.typed" in names
    assert "communique/_bundled/data/codebook.toml" in names
    assert any(
        name.startswith("communique/_bundled/models/stance/") and name.endswith("model.joblib") for name in names
    )


def test_an_installed_wheel_classifies_from_another_folder(environment, tmp_path):
    row = run(environment, tmp_path, "classify", "We will answer every attack with force.", "--format", "jsonl")
    assert '"label":"escalatory"' in row
    assert "_bundled" in run(environment, tmp_path, "models", "list", "--json")


def test_an_installed_wheel_finds_the_bundled_data(environment, tmp_path):
    assert '"macro_f1"' in run(environment, tmp_path, "evaluate", "--json")
    assert not any(tmp_path.iterdir())


def test_there_is_no_package_called_training(environment):
    code = "import importlib.util as u, communique; assert not u.find_spec('training'); print(communique.__file__)"
    where = subprocess.run(
        [str(environment / "bin" / "python"), "-c", code], check=True, capture_output=True, text=True, cwd="/"
    ).stdout
    assert str(environment) in where

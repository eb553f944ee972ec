from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from communique.cli import main
from communique.cli.app import app
from communique.errors import DataError


def verbs(of: typer.Typer) -> list[list[str]]:
    groups = {group.name: group.typer_instance for group in of.registered_groups}
    own = [[str(command.name or command.callback.__name__)] for command in of.registered_commands]
    return [*own, *([name] for name in groups), *([name, *verb] for name in groups for verb in verbs(groups[name]))]


VERBS = verbs(app)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_the_help_of_every_verb_has_an_example(run, verb):
    result = run(*verb, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Example: communique " + verb[0] in " ".join(result.stdout.split())


def test_the_help_lists_every_verb(run):
    shown = run("--help").stdout
    assert {"train", "evaluate", "classify", "lint", "models"} <= {verb[0] for verb in VERBS}
    assert all(f"\n  {verb[0]} " in shown for verb in VERBS)


def test_without_arguments_help_is_shown_and_the_command_counts_as_misused(run):
    result = run()
    assert result.exit_code == 2
    assert "Usage:" in result.output


def test_the_version_is_the_packages(run):
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"communique {version('communique')}\n")


def test_help_and_version_import_nothing_heavy(plain_environment, tmp_path):
    script = f"""
import sys
from typer.testing import CliRunner
from communique.cli import main
from communique.cli.app import app
from communique.errors import DataError
for arguments in {[[*verb, "--help"] for verb in VERBS] + [["--help"], ["--version"]]}:
    assert CliRunner().invoke(app, arguments).exit_code == 0, arguments
heavy = "numpy", "pyarrow", "scipy", "sklearn", "datasets", "joblib", "orjson", "rich"
print([name for name in heavy if name in sys.modules])
"""
    options = {"env": plain_environment, "cwd": tmp_path, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run([sys.executable, "-c", script], check=False, **options)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["classify", "--bogus"],
        ["train", "--seed", "many"],
        ["train", "--seed", "-1"],
        ["evaluate", "--min-macro-f1", "high"],
        ["models", "inspect", "one", "two"],
        ["models", "bogus"],
        ["lint"],
    ],
    ids=" ".join,
)
def test_a_misused_command_ends_with_2_and_says_how_to_use_it(run, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: communique" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_process_ends_with_the_exit_code_and_one_sentence(spawn, told):
    told(spawn("train", "gone.csv"), 3, "gone.csv cannot be read (No such file or directory)")


def test_debug_shows_the_traceback(spawn):
    done = spawn("--debug", "train", "gone.csv")
    assert done.returncode != 0
    assert "Traceback (most recent call last)" in done.stderr
    assert "communique.errors.DataError: gone.csv cannot be read" in done.stderr


def test_debug_may_be_asked_for_by_the_environment(run, monkeypatch):
    monkeypatch.setenv("COMMUNIQUE_DEBUG", "1")
    result = run("train", "gone.csv")
    assert result.exit_code == DataError.exit_code
    assert "Traceback" in result.stderr


def test_a_fault_of_ours_is_told_in_a_sentence(run, model, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr("communique.model.registry.find", fail)
    result = run("models", "inspect", model)
    assert result.exit_code == 1
    assert (
        result.stderr
        == "communique: a fault in communique (ZeroDivisionError: by chance); run again with --debug and report it\n"
    )


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
        (MemoryError(), 1, "not memory enough"),
        (OSError(28, "No space left on device", "somewhere"), 1, "No space left on device (somewhere)"),
    ],
)
def test_what_the_machine_refuses_is_told_in_a_sentence(refused, model, monkeypatch, problem, code, words):
    def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr("communique.model.registry.find", fail)
    refused(["models", "inspect", model], code, words)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("verb", [["models", "inspect"], ["evaluate"]])
def test_a_full_stdout_is_told(spawn, told, model, data, verb):
    more = [str(data / "holdout.csv")] if verb == ["evaluate"] else []
    with Path("/dev/full").open("wb") as full:
        told(spawn(*verb, model, *more, stdout=full), 1, "No space left on device")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_stdout_is_told_by_help_too(spawn, told):
    with Path("/dev/full").open("wb") as full:
        told(spawn("--help", stdout=full), 1, "No space left on device")


def test_ctrl_c_before_a_verb_has_begun_is_as_quiet_as_later(monkeypatch, capsys):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "communique.cli.app", SimpleNamespace(app=interrupt))
    with pytest.raises((SystemExit, KeyboardInterrupt)) as end:
        main()
    assert end.type is SystemExit
    assert end.value.code == 130
    assert capsys.readouterr().err == "communique: interrupted; nothing was written\n"


def test_python_m_communique_is_the_command(spawn, model):
    assert json.loads(spawn("classify", "-m", model, "We are ready for talks.").stdout)["label"] == "conciliatory"

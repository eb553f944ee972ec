"""What is written for containers and for systemd calls the verb as it is, and asks for no more than it needs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from communique.cli.serve import serve
from communique.service.settings import Settings

DEPLOY = Path(__file__).resolve().parents[2] / ".deploy"
CONTAINER = (DEPLOY / "Containerfile").read_text("utf-8")
UNIT = (DEPLOY / "communique.service").read_text("utf-8")


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Start the verb with a command line, and tell the settings."""
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    token.chmod(0o600)
    found: list[Settings] = []
    monkeypatch.setattr("communique.service.server.serve", lambda settings, ready: found.append(settings))

    def start(arguments: list[str]) -> Settings:
        app = typer.Typer()
        app.command()(serve)
        given = [str(token) if argument.endswith("/token") else argument for argument in arguments]
        done = CliRunner().invoke(app, given)
        assert done.exit_code == 0, done.stderr
        return found[-1]

    return start


def test_the_container_runs_the_verb_open_to_its_network(started):
    entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", CONTAINER, re.MULTILINE)[1])
    command = json.loads(re.findall(r"^CMD (.*)$", CONTAINER, re.MULTILINE)[-1])
    assert [*entry, command[0]] == ["communique", "serve"]
    settings = started(command[1:])
    assert not settings.loopback
    assert f"EXPOSE {settings.port}" in CONTAINER
    assert f":{settings.port}/readyz" in CONTAINER


def test_the_container_does_not_run_as_root_and_has_a_health_check():
    (user,) = re.findall(r"^USER (\d+):(\d+)$", CONTAINER, re.MULTILINE)
    assert int(user[0]) > 0
    assert int(user[1]) > 0
    assert "HEALTHCHECK" in CONTAINER
    assert "--read-only" in CONTAINER


def test_every_file_the_container_copies_is_there():
    for line in re.findall(r"^COPY (?!--from)(.*)$", CONTAINER, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (DEPLOY.parent / name).exists(), name


def test_the_unit_runs_the_verb_on_loopback_with_a_token(started):
    command = shlex.split(re.search(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)[1])
    assert command[1] == "serve"
    settings = started(command[2:])
    assert settings.loopback
    assert settings.token
    assert settings.allow_origin


@pytest.mark.parametrize(
    "option", ["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n"]
)
def test_the_unit_takes_rights_away(option):
    assert option in UNIT


def test_a_reload_of_the_unit_is_a_sighup_and_a_stop_leaves_time_to_drain():
    assert "ExecReload=/bin/kill -HUP $MAINPID" in UNIT
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[1]) > Settings().timeouts.drain
    assert "KillMode=mixed" in UNIT


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path):
    text = UNIT.replace("/opt/communique/bin/communique", "/bin/true")
    unit = tmp_path / "communique.service"
    unit.write_text(text, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert "communique.service" not in done.stderr, done.stderr

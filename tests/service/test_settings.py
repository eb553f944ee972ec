"""What a person decides is checked once, with a sentence that helps."""

from __future__ import annotations

import pytest

from communique.errors import UsageError
from communique.service.settings import Settings, is_loopback, read_size, read_token


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("2MB", 2_000_000), ("2000000", 2_000_000), ("512 KiB", 524_288), ("1.5mb", 1_500_000), (" 3 b ", 3)],
)
def test_sizes_are_read_as_people_write_them(text, bytes_):
    assert read_size(text) == bytes_


@pytest.mark.parametrize("text", ["", "MB", "2XB", "two", "1e999MB", "nan", "2 M B", "-"])
def test_other_sizes_are_refused(text):
    with pytest.raises(UsageError):
        read_size(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": ()},
        {"port": 65536},
        {"workers": -1},
        {"max_bytes": 10},
        {"max_batch": 0},
        {"allow_origin": ("example.org",)},
        {"allow_origin": ("https://example.org/",)},
        {"allow_origin": ("https://Example.org",)},
        {"allow_origin": ("*",)},
        {"allow_origin": ("null",)},
        {"allow_origin": ("https://a@example.org",)},
        {"allow_origin": ("https://example.org:x",)},
        {"allow_origin": ("https://[",)},
        {"allow_origin": ("ftp://example.org",)},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(UsageError):
        Settings(**wrong)


def test_it_listens_at_loopback_unless_told_otherwise():
    assert Settings().loopback
    assert is_loopback(Settings().host)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST")),
        *((host, False) for host in ("0.0.0.0", "::", "192.0.2.7", "example.org", "localhost.example", "")),  # noqa: S104
    ],
)
def test_loopback_is_told_from_other_addresses(host, local):
    assert is_loopback(host) is local


def test_a_proxys_name_is_known_from_its_origin():
    assert "stance.example" in Settings(allow_origin=("https://stance.example:8443",)).hosts


def test_the_token_is_never_shown():
    assert "hidden" not in repr(Settings(token="hidden" * 4))


def test_a_token_is_read_without_the_line_break(tmp_path):
    file = tmp_path / "token"
    file.write_text("correct-horse-battery\n")
    file.chmod(0o600)
    assert read_token(file) == ("correct-horse-battery", "")


def test_a_token_that_others_can_read_is_remarked_on(tmp_path):
    file = tmp_path / "token"
    file.write_text("correct-horse-battery\n")
    file.chmod(0o644)
    assert "chmod 600" in read_token(file)[1]


@pytest.mark.parametrize(
    "content", [b"", b"short", b"two words of a token", b"\xff" * 20, b"x" * 5000, "ä".encode() * 20]
)
def test_a_token_that_cannot_be_sent_or_is_easily_guessed_is_refused(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(UsageError):
        read_token(tmp_path / "token")


def test_a_missing_token_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_token(tmp_path / "token")


def test_the_heaviest_work_that_may_be_asked_is_not_taken_for_endless():
    """Two megabytes of statements with evidence take eight seconds on a core; there may be ten times too few cores."""
    assert Settings().endless > 10 * 2 * 8
    assert Settings(max_bytes=20_000_000).endless > 10 * Settings().endless / 2

"""Bytes into text: by their mark, as UTF-8, or in the one old encoding that can be meant."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.errors import DataError
from communique.extraction.decoding import decode

WESTERN = "“No,” said the minister’s spokesman in the café — it was all that he said.\r\nThen he left.\n"
FRENCH = "« Ce n’est pas une demande », a déclaré la présidente à l’été dernier. Où était-elle passée ?"
RUSSIAN = "Министр заявил, что это не его дело.\r\n«Мы не принимаем ультиматумов», — сказал он журналистам.\n"
UKRAINIAN = "Міністр заявив, що це не його справа. «Їхні кораблі вже в порту», — сказав він."


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1))
def test_utf_8_comes_out_as_it_went_in(text: str) -> None:
    assert decode(text.encode("utf-8"), "x") == text.removeprefix("\ufeff")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", [WESTERN, RUSSIAN, "对方如何处理这艘船。", "ا"])
def test_a_byte_order_mark_tells_the_encoding_and_is_left_out(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding), "x") == text


def test_utf_16_without_its_mark_is_read_where_it_is_plain() -> None:
    assert decode(("Ships sail.\r\n" * 9).encode("utf-16-le"), "x") == "Ships sail.\r\n" * 9
    assert decode(("Ships sail.\r\n" * 9).encode("utf-16-be"), "x") == "Ships sail.\r\n" * 9


@pytest.mark.parametrize("text", [WESTERN, FRENCH])
def test_windows_1252_is_told(text: str) -> None:
    assert decode(text.encode("cp1252"), "x") == text


@pytest.mark.parametrize("text", [RUSSIAN, UKRAINIAN])
def test_windows_1251_is_told(text: str) -> None:
    assert decode(text.encode("cp1251"), "x") == text


@pytest.mark.parametrize("encoding", ["koi8-r", "cp866", "gb18030", "shift_jis", "cp1256", "iso-8859-5"])
def test_another_encoding_is_named_as_unknown(encoding: str) -> None:
    text = {
        "gb18030": "部长说这不是他能决定的。",
        "shift_jis": "大臣は知らないと述べた。",
        "cp1256": "قال الوزير إنه ليس من شأنه",
    }
    with pytest.raises(DataError, match="save it in UTF-8"):
        decode(
            (text.get(encoding, RUSSIAN.translate({0xAB: None, 0xBB: None, 0x2014: "-"})) * 3).encode(encoding), "x.txt"
        )


def test_bytes_of_no_text_are_called_binary() -> None:
    with pytest.raises(DataError, match=r"x\.txt is a binary file; expected"):
        decode(bytes(range(256)) * 9, "x.txt")


def test_a_stray_zero_byte_is_kept() -> None:
    text = "Ships sail.\0" + "Nobody knows why they do. " * 9
    assert decode(text.encode(), "x") == text


def test_a_mark_that_lies_is_named() -> None:
    with pytest.raises(DataError, match="is not UTF-16, as its first bytes say"):
        decode(b"\xff\xfea\x00\x00\xd8", "x")


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_a_clear_error(data: bytes) -> None:
    with suppress(DataError):
        assert isinstance(decode(data, "x"), str)

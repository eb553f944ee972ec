"""Messages arrive whole, with their file, in order; and each side notices that the other is gone."""

from __future__ import annotations

import os
import select
import tempfile
import threading

from communique.service.channel import make_channels


def test_messages_and_files_arrive_whole_and_in_order():
    ours, theirs = make_channels()
    heard = []

    def listen():
        for told, file in theirs.hear():
            content = None
            if file is not None:
                content = os.pread(file, 100, 0)
                os.close(file)
            heard.append((told["number"], len(told["text"]), content))

    thread = threading.Thread(target=listen)
    thread.start()
    for number in range(20):
        with tempfile.TemporaryFile() as file:
            file.write(b"file %d" % number)
            file.flush()
            assert ours.tell({"number": number, "text": "x" * 50_000}, file.fileno() if number % 2 else None)
    ours.close()
    thread.join(10)
    theirs.close()
    assert heard == [(n, 50_000, b"file %d" % n if n % 2 else None) for n in range(20)]


def test_each_side_notices_that_the_other_is_gone():
    ours, theirs = make_channels()
    theirs.close()
    assert not ours.tell({"number": 1}) or not ours.tell({"number": 2})
    assert not ours.has_word()
    assert not list(ours.hear())
    ours.close()


def test_a_word_is_told_from_silence_and_stays_to_be_heard():
    ours, theirs = make_channels()
    assert not select.select([ours], [], [], 0)[0]
    theirs.tell({"ready": True})
    assert select.select([ours], [], [], 1)[0]
    assert ours.has_word()
    theirs.close()
    assert list(ours.hear()) == [({"ready": True}, None)]
    ours.close()

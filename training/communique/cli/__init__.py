"""The door for people: one file a verb.

Nothing heavy is imported before a verb needs it, so ``communique --help`` answers at once.
"""

import os
import sys


def main() -> None:
    """Run the command line; what goes wrong within a verb is told by `app`, what goes wrong around it here."""
    try:
        from communique.cli.app import app

        try:
            app()
        finally:
            failed = bool(getattr(sys.exception(), "code", 1))
            _flush(failed=failed)
    except KeyboardInterrupt:
        _end("interrupted; nothing was written", 130)
    except BrokenPipeError:  # the reader has seen enough (``| head``)
        sys.exit(0)
    except OSError as problem:
        _end(problem.strerror or str(problem), 1)


def _flush(*, failed: bool) -> None:
    """Write out what stdout still holds, while it can be told that it cannot; ``failed``: something was told already.

    Raises
    ------
    OSError
        If it cannot, and nothing was told yet.
    """
    try:
        sys.stdout.flush()
    except OSError:
        # Else Python would try once more while it shuts down, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not failed:
            raise


def _end(sentence: str, code: int) -> None:
    sys.stderr.write(f"communique: {sentence}\n")
    sys.exit(code)

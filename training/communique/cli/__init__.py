"""The door for people: one file a verb.

Nothing heavy is imported before a verb needs it, so ``communique --help`` answers at once.
"""

import sys


def main() -> None:
    """Run the command line; what goes wrong within a verb is told by `app`, what goes wrong around it here."""
    try:
        from communique.cli.app import app

        app()
    except KeyboardInterrupt:
        _end("interrupted; nothing was written", 130)
    except OSError as problem:
        _end(problem.strerror or str(problem), 1)


def _end(sentence: str, code: int) -> None:
    sys.stderr.write(f"communique: {sentence}\n")
    sys.exit(code)

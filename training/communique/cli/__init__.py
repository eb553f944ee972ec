"""The door for people: one file a verb.

Nothing heavy is imported before a verb needs it, so ``communique --help`` answers at once.
"""


def main() -> None:
    """Run the command line."""
    from communique.cli.app import app

    app()

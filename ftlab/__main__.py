"""``python3 -m ftlab ...``: checks the Python version, then hands over. Written so that an old Python can read it, too."""

import sys


def main():
    """Run the command line. Returns: the exit code (0 well, 1 tests failed, 2 a mistake said in one line)."""
    if sys.version_info < (3, 11):
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.stderr.write(
            "ftlab needs Python 3.11 or later; this is " + found + " (" + str(sys.executable) + ").\n"
            "Install a newer one (python.org, your package manager, or conda) and run for example: python3.11 -m ftlab lab\n"
        )
        return 2
    from ftlab.cli.bootstrap import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

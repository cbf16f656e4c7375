"""``python -m tratree``: the command ``tratree``."""

from tratree.cli.main import main

if __name__ == "__main__":
    main()

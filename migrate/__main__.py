"""`python -m migrate`: the same as the console script `prompt-migrate`."""

from migrate.cli import main

if __name__ == "__main__":
    main(prog_name="prompt-migrate")

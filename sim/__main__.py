"""`python -m sim` and the `sim` command."""

from sim.cli.app import main

if __name__ == "__main__":
    main()

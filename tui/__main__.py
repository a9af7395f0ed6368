"""`python -m ladera.tui` is the command `ladera`."""

from .cli import main

main()

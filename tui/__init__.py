"""The terminal: the command line, the headless run and the lab screen."""

"""The run directory: event log, status, checkpoints and the lock that keeps it to one writer."""

"""The run directory: what a run leaves behind, whatever happens to it.

Promised, each held by a test (docs/reliability.md names it):

- A run that was killed goes on from its newest complete checkpoint, and on a CPU ends with the bits and the records
  of a run that was not. A damaged checkpoint is named and passed over; if none is good, nothing starts over by itself.
- A kill -9 loses at most the last 50 ms of the log, and going on makes them again. Every complete record of a damaged
  log is read.
- A disk that is full, fails or goes away does not stop the training; what was saved before stays.
- One process writes a directory; a second one is refused by the name of the first.
- Loading a file runs no code. Only the user who trains can read the directory or send commands into it.

Modules: recorder (writes), resume (goes on), load (to a History), log (reads records), listing (all runs), control
(commands from other processes), status, lock, checkpoints, kept (the network again, to be looked into). Only recorder,
resume, checkpoints, kept and tensors need torch.
"""

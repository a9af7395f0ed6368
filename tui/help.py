"""The help text of the lab: every key on one page."""

HELP = """\
Train
  r        train the experiment of the form (queued if another trains)
  p        pause, go on          space   one step, then pause
  ]        some epochs, then pause
  f        finish this epoch, save and stop
  s        stop (asks how)       k       save a checkpoint
  c        change the learning rate and other values while training
  o        slow motion: so that an eye can follow

The experiment
  e        go to the form; Enter picks a preset or edits a value
  u        undo                  y       show it as a command line
  Ctrl+S   save it as a preset of your own
  Ctrl+P   everything else, among it: open another experiment

The charts
  m        next metric (small screen: the other chart)
  l        log or linear         x       epoch, step or time
  v        smoothing off, light, strong (the raw curve stays, faint)
  + -      zoom                  h j     earlier, later       0  whole run
  , .      move the cursor: exact values below the charts

Understanding
  w        what if early stopping had another patience, min_delta, metric
  d        why: the diagnosis with its evidence
  i        inside: layers, weights, confusion matrix, boundary, ...

Runs
  t        the runs table: Enter looks at a run        n   next run

  ?        this page             Escape  back          q   leave (asks while training)
"""

"""What test tools write, read back into one model: a module for each format, `Case` for all of them.

A reader takes the bytes and the place that names in them are relative to, and never raises for what they hold: what
can't be read is a note, and what can be kept is kept.
"""

"""How a command ends: its exit codes."""

DONE, SET_ASIDE, USAGE, FAILED = 0, 1, 2, 3
# As a shell sees a process that Ctrl-C ended, and one whose reader went away (`| head`).
STOPPED, UNREAD = 130, 141

"""How a command ends: its exit codes."""

DONE, SET_ASIDE, USAGE, FAILED = 0, 1, 2, 3
# The shell's codes for a process that Ctrl-C ended, and for one whose reader went away (`| head`).
STOPPED, UNREAD = 130, 141

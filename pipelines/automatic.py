"""The names of the schedule and the sensors, which start runs by themselves.

No Dagster here: the settings name them, and commands that only read start at once.
"""

AUTOMATIC = ("every_morning", "inbox", "answered", "alert", "warned")

"""The error for a person whose workbook cannot be taken in. Its message is Chinese and names the file, the place and
what to do; mistakes in a declaration are the engineer's and raise ValueError in model.
"""


class WorkbookError(Exception):
    """A returned workbook cannot be read; the message is for the person who sent it."""

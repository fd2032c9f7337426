"""The one exception that a user sees as a message instead of a traceback."""


class DeviceError(Exception):
    """A problem the user can act on; its text says what happened and what to do."""

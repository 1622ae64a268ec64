"""The errors that users meet: one clear sentence each, with the way out."""


class MetaNASError(Exception):
    """Base of all errors raised on purpose."""


class InputError(MetaNASError, ValueError):
    """What the user gave can't be used: data, options, files. The command line ends with exit code 2."""


class StoreError(InputError):
    """The store of experience can't be opened, read or written."""

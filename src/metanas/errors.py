"""The errors that users meet: one clear sentence each, with the way out."""


class MetaNASError(Exception):
    """Base of all errors raised on purpose."""


class InputError(MetaNASError, ValueError):
    """What the user gave can't be used: data, options, files. The command line ends with exit code 2."""


class StrategyError(InputError):
    """A search strategy of the user's own failed, or proposed what it must not."""


class StoreError(InputError):
    """The store of experience can't be opened, read or written."""

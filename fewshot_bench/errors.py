"""Errors that a user can cause and can mend.

Each message is one line: what is wrong, then what to do. The command line prints it and exits
with code 2; from Python they are ordinary exceptions. Errors of bad values also subclass
``ValueError``, so that callers of the library may catch what they are used to.
"""


class FsbenchError(Exception):
    """Base class of every error that the user can mend; ``str(error)`` is one line.

    Attributes:
        exit_code: what the command line exits with.
    """

    exit_code = 2


def one_line(text: str) -> str:
    """Text of unknown origin without what could break a line, steer a terminal or turn writing."""
    return "".join(c if c.isprintable() else " " for c in text)


class ConfigError(FsbenchError, ValueError):
    """A setting, a name or a combination of settings is not possible."""


class DataError(FsbenchError):
    """Image files, archives or a prepared store are missing, damaged or not as expected."""


class CheckpointError(FsbenchError):
    """A checkpoint is missing, damaged or belongs to another configuration."""


class TrainingError(FsbenchError):
    """Training can't go on, for instance because the loss is no longer finite."""


class Interrupted(FsbenchError):
    """The user stopped a run; what it had reached is on disk."""

    exit_code = 130


class ResultError(FsbenchError):
    """A stored evaluation is damaged, incomplete or of a newer schema."""


class StatisticsError(FsbenchError, ValueError):
    """Numbers handed to a statistic can't mean what the statistic assumes."""


class UnpairedError(StatisticsError):
    """Two results were measured on different episodes and can't be compared in pairs."""

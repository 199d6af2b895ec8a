"""Every exception that Tidings raises on purpose.

    TidingsError
    ├── DefinitionError      a workspace file is wrong: says file, where, got, wanted, do this
    ├── InputError           something handed to us (a file, a flag, a request) is wrong
    │   ├── WorldMovedError  a plan is shown no longer: what runs, or the files, changed since
    │   └── PortTaken        somebody else listens where we are to listen
    ├── Retryable            try again later: the outside world was not ready
    │   └── Overloaded       a bounded queue is full; carries how long to wait
    └── Permanent            trying again will not help
        └── CorruptData      a checksum or a format on disk does not hold

A bad *event* is never an exception: it is a value, `domain.event.Rejected`, kept with its reason and bytes.
"""

from __future__ import annotations


class TidingsError(Exception):
    """Something went wrong in Tidings; the subclasses say what and what to do."""


class DefinitionError(TidingsError):
    """A definition in the workspace is wrong."""

    def __init__(self, where: str, problem: str, *, got: object = None, wanted: str = "", do: str = "") -> None:
        """`where` names file and path inside it, e.g. ``segments.yml: high_value.rule``."""
        parts = [f"{where}: {problem}"]
        if got is not None:
            parts.append(f"got {got!r}")
        if wanted:
            parts.append(f"wanted {wanted}")
        if do:
            parts.append(do)
        super().__init__("; ".join(parts))
        self.where, self.problem, self.got, self.wanted, self.do = where, problem, got, wanted, do

    def moved(self, where: str) -> DefinitionError:
        """The same said of another place."""
        return DefinitionError(where, self.problem, got=self.got, wanted=self.wanted, do=self.do)


class InputError(TidingsError):
    """An input is wrong; the message says what, where, got, wanted and what to do."""


class WorldMovedError(InputError):
    """A plan is of another world: what runs, or the files, changed since."""


class PortTaken(InputError):
    """Another program listens there."""

    def __init__(self, setting: str, host: str, port: int) -> None:
        """`setting` is the name of the port in the configuration, such as ``collect.port``."""
        super().__init__(
            f"{setting}: port {port} of {host} is taken by another program, perhaps by another Tidings; end that one, "
            f"or write another number into the configuration"
        )


class Retryable(TidingsError):
    """The outside world was not ready; the same call may succeed later."""


class Overloaded(Retryable):
    """A bounded queue is full; wait `retry_after_s` seconds and send again."""

    def __init__(self, what: str, retry_after_s: int = 1) -> None:
        super().__init__(f"{what} is full; retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Permanent(TidingsError):
    """Trying again will not help."""


class CorruptData(Permanent):
    """Bytes on disk do not match their checksum or format; restore the file from a backup."""

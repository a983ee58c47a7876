"""What can go wrong, as the desk is told."""


class ClinicError(Exception):
    """Anything that a person can do something about."""


class NotFound(ClinicError):
    def __init__(self, what: str, identity: object) -> None:
        super().__init__(f"{what} {identity} was not found")
        self.identity = identity


class StaleWrite(ClinicError):
    def __init__(self, what: str, identity: object) -> None:
        super().__init__(f"{what} {identity} has been changed by somebody else")
        self.identity = identity


class Invalid(ClinicError):
    """What was given makes no sense."""


class Conflict(ClinicError):
    """It can't be done as things are."""

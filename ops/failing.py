"""How a command ends when it could not do what was asked."""

#: Something was found that somebody should look at: a stuck job, a check that fails.
FOUND = 1
#: The command was refused: it would lose money, or makes no sense now.
REFUSED = 2
#: The app, its storage or its task hub gave no answer.
UNREACHABLE = 3


class CannotDo(Exception):
    """The text says what to do about it and holds no secret."""

    def __init__(self, text: str, code: int = REFUSED) -> None:
        super().__init__(text)
        self.code = code

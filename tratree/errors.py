"""The one error type whose message is meant for the user."""


class UserError(Exception):
    """Bad input or a broken machine: one line that says what is wrong and what to do.

    The command line prints the message without a traceback and exits with code 1.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))  # what it quotes may have several

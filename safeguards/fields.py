"""What sits on a model's attribute where something is sealed: a value that prints, formats and travels as nothing."""

from typing import Any, NoReturn

from django.db import models


class Sealed:
    """A value still in its envelope. Only the doors open it; everything else sees `[sealed]`.

    It can't be pickled, serialised as JSON, or changed, so it can't reach a broker, a cache, a session or a log.
    """

    __slots__ = ("_message",)
    _message: bytes

    def __init__(self, message: bytes) -> None:
        object.__setattr__(self, "_message", bytes(message))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("sealed values don't change")

    def __str__(self) -> str:
        return "[sealed]"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return "[sealed]"

    def __reduce__(self) -> NoReturn:
        raise TypeError("sealed values do not travel")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other._message == self._message

    def __hash__(self) -> int:
        return hash(self._message)


def message_of(sealed: Sealed) -> bytes:
    """The ciphertext, for the database and the doors."""
    return sealed._message


class SealedField(models.BinaryField):  # type: ignore[type-arg]
    """A column of ciphertext, which is `Sealed` in Python. Plaintext is refused: seal it through its door first."""

    def from_db_value(self, value: Any, expression: object, connection: object) -> Sealed | None:
        return None if value is None else Sealed(bytes(value))

    def get_prep_value(self, value: Any) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError(f"{self.name} takes a Sealed value, not {type(value).__name__}")
        return message_of(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        return value if value is None else connection.Database.Binary(value)

    def value_to_string(self, obj: models.Model) -> NoReturn:
        raise TypeError("sealed values are not serialised")

    def to_python(self, value: Any) -> Any:
        return value

"""The key of a step: what is called, the code behind it, and what it is given. Execution never enters it."""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from consona.core.errors import InvalidInput
from consona.engine.code import Code, FunctionCode, describe, function_name, owner_identity
from consona.engine.fingerprint import NotCacheable, identify

_VERSION = "consona step 1"


@dataclass(frozen=True)
class StepKey:
    """Key of a step, and what it was made from; ``inputs`` maps parameter names to fingerprints."""

    key: str
    code: FunctionCode
    inputs: dict[str, str]

    @classmethod
    def of(cls, code: FunctionCode, inputs: Mapping[str, str]) -> "StepKey":
        """The key of a function and the fingerprints of what it is given, in order."""
        parts = [_VERSION, code.identity, *(f"{name}={value}" for name, value in inputs.items())]
        return cls(hashlib.sha256("\n".join(parts).encode()).hexdigest(), code, dict(inputs))

    def with_input(self, name: str, value: Any) -> "StepKey":
        """The key of the same call with another value for one argument; the others are not looked at again."""
        return StepKey.of(self.code, {**self.inputs, name: identify(value)})


def step_key(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], code: Code) -> StepKey:
    """Hash of function, code, owner and arguments; a default that is spelt out changes nothing.

    Raises
    ------
    NotCacheable
        When the function, its owner or an argument cannot be identified; the message says which.
    InvalidInput
        When the arguments do not fit the function, or a path is among them.
    """
    return StepKey.of(describe(function, code), input_fingerprints(function, args, kwargs))


def input_fingerprints(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, str]:
    """Fingerprints of the arguments by parameter name, defaults filled in; ``self`` is the owner of a method.

    Raises
    ------
    NotCacheable
        When the owner or an argument cannot be identified; the message says which.
    InvalidInput
        When the arguments do not fit the function, or a path is among them.
    """
    owner = owner_identity(function)
    inputs = {"self": owner} if owner else {}
    for name, value in arguments(function, args, kwargs).items():
        try:
            inputs[name] = identify(value)
        except NotCacheable as error:
            raise NotCacheable(f"{error}, as '{name}'") from None
    return inputs


def arguments(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by parameter name, defaults filled in.

    Raises
    ------
    InvalidInput
        When they do not fit the signature.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions written in C have none
        return {"args": list(args), "kwargs": dict(kwargs)}
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidInput(f"{function_name(function)}{signature} was called with other arguments: {error}.") from None
    bound.apply_defaults()
    return dict(bound.arguments)


def rebound(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call with other values for some parameters, positional ones still positional."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.arguments.update(given)
    return bound.args, bound.kwargs


def seed_of(given: Mapping[str, Any]) -> int | None:
    """The seed among the arguments, for the manifest."""
    seed = given.get("seed", given.get("random_state"))
    return int(seed) if isinstance(seed, int) else None

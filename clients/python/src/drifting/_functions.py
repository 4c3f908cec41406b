"""The methods of the default client as functions: ``drifting.fit``, ``drifting.detect`` and so on."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from drifting._client import Client
from drifting._default import client

P = ParamSpec("P")
R = TypeVar("R")


def _of_default(method: Callable[Concatenate[Client, P], R]) -> Callable[P, R]:
    @functools.wraps(method)
    def function(*arguments: P.args, **named: P.kwargs) -> R:
        return method(client(), *arguments, **named)

    # Whoever asks for the signature is not shown the client, which is given.
    del function.__wrapped__
    function.__qualname__ = method.__name__
    signature = inspect.signature(method)
    function.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return function


fit = _of_default(Client.fit)
predict = _of_default(Client.predict)
detect = predict
metrics = _of_default(Client.metrics)
backtest = _of_default(Client.backtest)

"""The API key that a request brings."""

from __future__ import annotations

import base64

from nostro.kernel.errors import ApiError


def given_key(authorization: str) -> str:
    """The key of a Bearer or Basic authorization. Raises a 401 `ApiError` if there is none."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except ValueError:
            pass
    raise ApiError(
        "You did not provide an API key. Provide it in the Authorization header, using Bearer auth "
        "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY').", status=401,
    )  # fmt: skip

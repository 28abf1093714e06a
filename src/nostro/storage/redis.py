"""Redis, where there is one: what workers share for a moment and can do without. The truth is in the database."""

from __future__ import annotations

import logging
from typing import Any

from nostro.kernel.clock import SECOND, elapsed

logger = logging.getLogger("nostro.storage")
PATIENCE = 0.5
"""Seconds for an answer, or for a connection."""
AGAIN = 5 * SECOND
"""How long it is left alone after it did not answer."""


class Redis:
    """One connection pool a worker. Needs the extra `redis`."""

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis as Client
        from redis.exceptions import RedisError

        self._failures = (RedisError, OSError, TimeoutError)
        self._client = Client.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, decode_responses=True, retry=None
        )
        self._away_until = 0
        self._away = False

    async def ask(self, *commands: tuple[str | int, ...]) -> list[Any] | None:
        """The answers, in one round trip; None if there is no Redis just now, and then the database is asked."""
        if elapsed() < self._away_until:
            return None
        try:
            pipe = self._client.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            answers: list[Any] = await pipe.execute()
        except self._failures as error:
            self._away_until = elapsed() + AGAIN
            if not self._away:
                logger.warning("Redis does not answer (%s): the database does its work until it does", error)
            self._away = True
            return None
        if self._away:
            logger.warning("Redis answers again")
        self._away = False
        return answers

    async def look(self) -> tuple[str, bool]:
        """Its version, and whether it can be written to. Raises what it does not do."""
        info = await self._client.info()
        return str(info["redis_version"]), info["role"] == "master"

    async def close(self) -> None:
        await self._client.aclose()

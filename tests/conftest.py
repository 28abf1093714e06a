"""What every test shares."""

import pytest
from hypothesis import settings

# Times vary on shared machines; a property is true or not, however long it takes to try.
settings.register_profile("nostro", deadline=None)
settings.load_profile("nostro")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`async def test_` runs on asyncio, as the server does."""
    return "asyncio"

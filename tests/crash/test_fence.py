"""What a primary recovers after a crash, but its synchronous standby never confirmed, is promised to nobody."""

import asyncio

import pytest

from counter import COUNTER, unit, write
from nostro.kernel.errors import ApiError
from nostro.storage.postgres import PostgresEngine
from nostro.storage.unit import Scope
from standby import pair, wait_until

ONE = Scope(number=1, merchant="acct_1", livemode=False, book=1)
COUNT = "SELECT count(*) FROM counter"
pytestmark = pytest.mark.slow


async def test_what_only_the_primary_has_is_not_shown() -> None:
    with pair() as both:
        engine = PostgresEngine(both.url)
        await engine.prepare([COUNTER])
        await engine.commit(unit(ONE, write("cnt_1", 1)))
        both.standby.kill()
        late = asyncio.create_task(engine.commit(unit(ONE, write("cnt_2", 1))))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event='SyncRep'"
        await asyncio.to_thread(wait_until, lambda: bool(both.primary.ask(waiting)))
        both.primary.kill()
        both.primary.start()
        assert both.primary.ask(COUNT) == [(2,)], "it recovers what it had written"
        other = PostgresEngine(both.url, patience=1)
        with pytest.raises(ApiError) as error:
            await other.rows(COUNT)
        assert error.value.status == 503
        assert not late.done(), "the commit was acknowledged, but one server alone has it"

        both.standby.start()
        await late
        other.patience = 20
        assert await other.rows(COUNT) == [(2,)]
        await engine.close()
        await other.close()


async def test_what_the_standby_never_had_is_done_again_there() -> None:
    with pair() as both:
        engine = PostgresEngine(both.url)
        await engine.prepare([COUNTER])
        await engine.commit(unit(ONE, write("cnt_1", 1)))
        both.standby.kill()
        late = asyncio.create_task(engine.commit(unit(ONE, write("cnt_2", 1))))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event='SyncRep'"
        await asyncio.to_thread(wait_until, lambda: bool(both.primary.ask(waiting)))
        both.primary.kill()
        both.standby.start()
        await asyncio.to_thread(both.take_over)
        assert await engine.rows("SELECT id FROM counter") in ([("cnt_1",)], [("cnt_1",), ("cnt_2",)])
        await late
        assert await engine.rows("SELECT id,version FROM counter ORDER BY id") == [("cnt_1", 1), ("cnt_2", 1)]
        await engine.close()

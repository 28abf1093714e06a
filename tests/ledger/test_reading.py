"""Accounts, entries, balances then and now, statements and the trial balance of a small shop."""

from hypothesis import given
from hypothesis import strategies as st

from nostro.kernel.clock import SECOND
from nostro.kernel.posting import Posting
from nostro.ledger import chart
from nostro.ledger.account import accounts, find
from nostro.ledger.balance import balance, balance_effective, balance_recorded, last_entry
from nostro.ledger.entry import entries, entry
from nostro.ledger.statement import statement
from nostro.ledger.trial_balance import trial_balance
from shop import MERCHANT, Shop

AVAILABLE = chart.available(MERCHANT)


async def test_accounts_carry_what_the_chart_says(shop: Shop) -> None:
    await shop.charge(1000)
    await shop.charge(500, "jpy", fee=5)
    found = {(a.code, a.currency): a for a in await accounts(shop.engine)}
    mine = found[AVAILABLE, "usd"]
    assert (mine.kind, mine.normal, mine.balance, mine.natural) == ("liability", "credit", -970, 970)
    assert found["network:card:receivable", "jpy"].natural == 500
    assert {a.code for a in await accounts(shop.engine, prefix="platform:")} == {"platform:fees"}
    assert [a.currency for a in await find(shop.engine, AVAILABLE)] == ["jpy", "usd"]
    assert await accounts(shop.engine, book=99) == []


async def test_entries_by_source_kind_and_account(shop: Shop) -> None:
    first = await shop.charge(1000)
    await shop.charge(2000, "eur")
    back = await shop.refund(300)
    assert [e.number for e in await entries(shop.engine)] == [3, 2, 1]
    assert [e.number for e in await entries(shop.engine, before=3, limit=1)] == [2]
    assert [e.number for e in await entries(shop.engine, source=first)] == [1]
    assert [e.source for e in await entries(shop.engine, kind="giveback.start")] == [back]
    assert [e.number for e in await entries(shop.engine, account=AVAILABLE)] == [3, 2, 1]
    assert [e.number for e in await entries(shop.engine, account=AVAILABLE, kind="charge.capture")] == [2, 1]
    assert await entries(shop.engine, account="bank:cash") == []
    one = await entry(shop.engine, 3)
    assert one is not None and one.postings == (
        Posting(AVAILABLE, 300, "usd"), Posting("network:card:refunds_payable", -300, "usd"),
    )  # fmt: skip
    assert await entry(shop.engine, 4) is None


async def test_balances_at_a_past_recorded_and_effective_time(shop: Shop) -> None:
    start = shop.world.clock.micros()
    await shop.charge(1000)
    shop.world.clock.advance(60)
    await shop.charge(2000)
    assert await balance(shop.engine, AVAILABLE, "usd") == -2940
    for after, expected in ((-1, 0), (0, -970), (59, -970), (60, -2940), (3600, -2940)):
        at = start + after * SECOND
        assert await balance_recorded(shop.engine, AVAILABLE, "usd", at) == expected
        assert await balance_effective(shop.engine, AVAILABLE, "usd", at // SECOND) == expected
    assert await balance(shop.engine, "bank:cash", "usd") == 0


async def test_the_last_entry_before_a_moment(shop: Shop) -> None:
    start = shop.world.clock.micros()
    moments = []
    for pause in (0, 0, 1, 5, 0, 2, 1):
        shop.world.clock.advance(pause)
        await shop.charge(100)
        moments.append(shop.world.clock.micros())
    for at in range(start - 1, start + 10 * SECOND, SECOND // 2):
        assert await last_entry(shop.engine, at) == sum(moment <= at for moment in moments)


async def test_statement_runs_from_opening_to_closing(shop: Shop) -> None:
    await shop.charge(1000)
    since = shop.world.clock.micros()
    for amount in (200, 300, 400):
        shop.world.clock.advance(10)
        await shop.charge(amount)
    account = (await find(shop.engine, AVAILABLE))[0]
    whole = await statement(shop.engine, account)
    assert (whole.opening, len(whole.lines), whole.closing, whole.more) == (0, 4, -1780, False)
    part = await statement(shop.engine, account, since, since + 20 * SECOND)
    assert (part.opening, [line.amount for line in part.lines], part.closing) == (-970, [-170, -270], -1410)
    assert [line.balance for line in part.lines] == [-1140, -1410]
    short = await statement(shop.engine, account, limit=2)
    assert short.more and short.closing == short.lines[-1].balance


async def test_trial_balance_has_equal_columns_in_each_currency(shop: Shop) -> None:
    await shop.charge(1000)
    await shop.charge(700, "eur")
    await shop.settle(await shop.refund(1000))
    usd = {sheet.currency: sheet for sheet in await trial_balance(shop.engine)}["usd"]
    assert usd.balanced and usd.debits == 30
    rows = {row.code: (row.debit, row.credit) for row in usd.rows}
    assert rows == {AVAILABLE: (30, 0), chart.FEES: (0, 30)}
    every = {row.code for sheet in await trial_balance(shop.engine, zero=True) for row in sheet.rows}
    assert "network:card:refunds_payable" in every
    assert await trial_balance(shop.engine, book=99) == []


@given(st.sampled_from(chart.CHART))
def test_every_row_of_the_chart_knows_its_side(row: chart.Account) -> None:
    code = row.pattern.replace("{", "").replace("}", "")
    assert chart.account_of(code) is row
    assert row.normal in ("debit", "credit")

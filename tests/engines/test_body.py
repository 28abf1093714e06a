"""A row keeps a record's JSON without what its columns have; rows of the first releases, which keep it, are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nostro.storage.body import kept, whole

PLAIN = b'{"id":"cus_1","created":5,"name":"Ada"}'


def test_the_columns_are_left_out_and_put_back() -> None:
    body = kept(PLAIN, "cus_1", 5)
    assert body == b'{"name":"Ada"}'
    assert whole("cus_1", 5, body) == whole("cus_1", 5, body.decode()) == PLAIN.decode()


@pytest.mark.parametrize("id", ['quoted "id"', "back\\slash", "tab\t"])
def test_an_id_that_json_writes_otherwise_stays_in_the_body(id: str) -> None:
    plain = json.dumps({"id": id, "created": 5, "name": "Ada"}, separators=(",", ":")).encode()
    assert json.loads(whole(id, 5, kept(plain, id, 5))) == json.loads(plain)


def test_a_record_of_nothing_else_is_kept_whole() -> None:
    plain = b'{"id":"cus_1","created":5}'
    assert whole("cus_1", 5, kept(plain, "cus_1", 5)) == plain.decode()


def test_rows_of_the_first_releases_are_read(client: Any, server: Any) -> None:
    customer = client.v1.customers.create({"name": "Ada", "metadata": {"a": "1"}})
    event = client.v1.events.list().data[0]
    _write_as_before(server, "customer", customer.id)
    _write_as_before(server, "event", event.id)
    assert client.v1.customers.retrieve(customer.id).to_dict() == customer.to_dict()
    assert [one.id for one in client.v1.customers.list().data] == [customer.id]
    assert [one.id for one in client.v1.customers.search({"query": "created>0"}).data] == [customer.id]
    assert client.v1.events.retrieve(event.id).to_dict() == event.to_dict()
    assert client.v1.customers.update(customer.id, {"name": "Eve"}).name == "Eve"


def _write_as_before(server: Any, table: str, id: str) -> None:
    db = server.world.engine._writer
    [(created, body)] = db.execute(f"SELECT created, body FROM {table} WHERE id=?", (id,)).fetchall()
    assert '"id"' not in body and '"created"' not in body
    db.execute(f"UPDATE {table} SET body=? WHERE id=?", (whole(id, created, body), id))

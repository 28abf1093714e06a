"""Settings from where operators set them: who wins, what is refused and how it is said, what must not be shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from nostro.kernel.configuration import FIXED, BadSettings, Configured, available, configure, masked
from nostro.kernel.settings import FeePlan, Settings


def put_together(
    environ: dict[str, str] | None = None, file: dict[str, Any] | None = None, presets: dict[str, Any] | None = None,
    **options: Any,
) -> Configured:  # fmt: skip
    return configure(
        options=options, environ=environ or {}, file=file or {}, presets=presets or {}, known=["NOSTRO_API_KEY"]
    )


def wrong(**given: Any) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        put_together(**given)
    return [str(one) for one in caught.value.wrong]


def test_every_setting_can_be_set_and_says_what_it_means() -> None:
    flat = {one.name.partition(".")[0] for one in available()}
    assert flat | set(FIXED) == set(Settings.__struct_fields__)
    assert [one.name for one in available() if not one.doc] == []


def test_nothing_given_is_the_default() -> None:
    found = put_together()
    assert (found.settings, found.sources, found.warnings) == (Settings(), {}, [])


def test_an_option_wins_over_the_environment_that_over_the_file_that_over_the_preset() -> None:
    presets, file = {"port": 1, "dev": True}, {"port": 2, "fees": {"fixed": 5}}
    environ = {"NOSTRO_PORT": "3", "NOSTRO_FEES_RATE": "0.01", "NOSTRO_HOST": ""}
    found = put_together(environ, file, presets, port=4, host=None)
    assert found.settings == Settings(port=4, dev=True, fees=FeePlan(rate=Decimal("0.01"), fixed=5))
    assert found.sources == {
        "port": "option --port", "fees.rate": "NOSTRO_FEES_RATE", "fees.fixed": "fees.fixed in nostro.toml",
    }  # fmt: skip
    assert put_together(environ, file, presets).settings.port == 3
    assert put_together({}, file, presets).settings.port == 2
    assert put_together({}, {}, presets).settings.port == 1


@pytest.mark.parametrize(
    ("text", "value"), [("on", True), ("TRUE", True), ("1", True), ("off", False), ("no", False), ("0", False)]
)
def test_a_switch_in_words(text: str, value: bool) -> None:
    assert put_together({"NOSTRO_PRIVATE_WEBHOOKS": text}).settings.private_webhooks is value


def test_everything_that_is_wrong_is_said_at_once_with_its_place_and_what_is_accepted() -> None:
    environ = {"NOSTRO_PORT": "99999", "NOSTRO_PRIVATE_WEBHOOKS": "maybe", "NOSTRO_LOG_DAYS": "0",
               "NOSTRO_FEES_RATE": "-1", "NOSTRO_DATABASE": "mysql://me:hunter2@db/x",
               "NOSTRO_WORKERS": "2"}  # fmt: skip
    said = wrong(environ=environ, file={"prot": 5, "max_body": True})
    assert sorted(said) == sorted(
        [
            "prot in nostro.toml is 5: there is no such setting. Did you mean port?",
            "NOSTRO_PORT is '99999': it must be a whole number from 0 to 65535",
            "NOSTRO_DATABASE is 'mysql://me:********@db/x': it must be like sqlite:///nostro.db; "
            "Where the data is: sqlite:///FILE or postgresql://HOST/NAME",
            "NOSTRO_PRIVATE_WEBHOOKS is 'maybe': it can be on or off",
            "max_body in nostro.toml is True: it must be a whole number, 1000 or more",
            "NOSTRO_LOG_DAYS is '0': it must be a whole number, 1 or more",
            "NOSTRO_FEES_RATE is '-1': it must be 0 or more and below 1, like 0.029 for 2.900 %",
            "NOSTRO_WORKERS is 2: an SQLite file has one worker; for more use PostgreSQL",
        ]
    )


def test_a_misspelt_variable_is_told_and_others_are_left_alone() -> None:
    environ = {"NOSTRO_DATABSE": "x", "NOSTRO_API_KEY": "sk_test_x", "NOSTRO_TEST_POSTGRESQL": "x", "HOME": "/"}
    assert put_together(environ).warnings == [
        "NOSTRO_DATABSE is set, but there is no such setting. Did you mean NOSTRO_DATABASE?"
    ]


def test_no_secret_is_shown() -> None:
    database = next(one for one in available() if one.name == "database")
    for url in ("postgresql://me:hunter2@db/x", "postgresql://db/x?user=me&password=hunter2"):
        assert "hunter2" not in masked(database, url) and "db/x" in masked(database, url)
    token = msgspec.structs.replace(database, name="metrics_token")
    assert masked(token, "hunter2") == "********"

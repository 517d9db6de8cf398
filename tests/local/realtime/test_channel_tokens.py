"""Tokens of joined channels: refreshed, narrowed, expired."""

from __future__ import annotations

import time

import pytest

from spool_live.local.config import LocalSupabaseConfig, Penalties
from tests.local.realtime.serving import Serving, serve
from tests.local.realtime.sql import MakeTable, Sql
from tests.local.realtime.wire import Wire, connect, mint
from tests.local.realtime.witness import Witness


async def refresh(wire: Wire, topic: str, token: object) -> None:
    await wire.send("access_token", {"access_token": token}, f"realtime:{topic}")


async def shut(wire: Wire) -> str:
    """Expect the channel to be closed; returns the reason."""
    system = await wire.expect("system")
    assert (system["payload"]["status"], system["payload"]["extension"]) == ("error", "system")
    await wire.expect("phx_close")
    return str(system["payload"]["message"])


async def test_expiry_closes_the_channel_at_exp_and_leaves_the_socket(serving: Serving) -> None:
    async with connect(serving) as wire:
        token = mint(serving, 2)
        expires = int(time.time() + 2)
        await wire.join("t", token)
        assert await shut(wire) == "Token has expired 0 seconds ago"
        assert 0 <= time.time() - expires < 1
        await wire.quiet()


async def test_refresh_moves_the_expiry(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.join("t", mint(serving, 1.5))
        await wire.join("u", mint(serving, 1.5))
        await refresh(wire, "t", mint(serving, 60))
        system = await wire.expect("system")
        assert system["payload"]["channel"] == "u"
        await wire.expect("phx_close")
        await wire.quiet()


@pytest.mark.parametrize("token", [None, "sb_publishable_x", 7])
async def test_what_is_no_new_token_is_ignored(serving: Serving, token: object) -> None:
    async with connect(serving) as wire:
        await wire.join("t", mint(serving))
        await refresh(wire, "t", token)
        await wire.quiet()


async def test_wrong_signature_closes_the_channel(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.join("t", mint(serving))
        await refresh(wire, "t", mint(serving)[:-4] + "AAAA")
        assert await shut(wire) == ":signature_error"


async def test_token_without_role_closes_the_channel(serving: Serving) -> None:
    async with connect(serving) as wire:
        await wire.join("t", mint(serving))
        await refresh(wire, "t", mint(serving, role=None))
        assert await shut(wire) == "Fields `role` and `exp` are required in JWT"


async def test_claims_of_the_new_token_decide(
    serving: Serving, sql: Sql, make_table: MakeTable, witness: Witness
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    async with connect(serving) as wire:
        binding = {"event": "INSERT", "schema": "public", "table": table}
        await wire.subscribe("t", mint(serving, sites=["a"]), binding)
        await refresh(wire, "t", mint(serving, sites=["b"]))
        assert (await wire.expect("system"))["payload"]["message"] == "Subscribed to PostgreSQL"
        sql(f"insert into {table} values (1, 'a'), (2, 'b')")
        assert (await wire.change())["record"]["id"] == 2
        await witness.everything_sent()
        await wire.quiet()


async def test_private_channel_goes_on_with_a_token_that_may_read_it(
    serving: Serving, sql: Sql
) -> None:
    async with connect(serving) as wire:
        await wire.join("site:a", mint(serving, sites=["a"]), private=True)
        await refresh(wire, "site:a", mint(serving, sites=["a", "b"]))
        await wire.quiet()
        sql("select realtime.send('{}', 'e', 'site:a', true)")
        await wire.expect("broadcast")


async def test_read_permission_is_kept_until_the_next_token(serving: Serving, sql: Sql) -> None:
    sql("create table doors (open boolean)")
    sql("insert into doors values (true)")
    sql("grant select on doors to authenticated")
    sql(
        "create policy open_door on realtime.messages for select to authenticated"
        " using (realtime.topic() = 'door' and (select open from doors))"
    )
    async with connect(serving) as wire:
        await wire.join("door", mint(serving), private=True)
        sql("update doors set open = false")
        sql("select realtime.send('{}', 'e', 'door', true)")
        await wire.expect("broadcast")
        await refresh(wire, "door", mint(serving, nonce=1))
        assert await shut(wire) == (
            "You do not have permissions to read from this Channel topic: door"
        )
    sql("drop policy open_door on realtime.messages")


async def test_losing_one_of_two_read_permissions_closes_the_channel(
    serving: Serving, sql: Sql
) -> None:
    sql(
        "create policy by_claim on realtime.messages for select to authenticated"
        " using (realtime.topic() = 'two' and auth.jwt() -> 'may' ? extension)"
    )
    async with connect(serving) as wire:
        both = mint(serving, may=["broadcast", "presence"])
        await wire.join("two", both, private=True, presence={"enabled": True})
        await wire.expect("presence_state")
        await refresh(wire, "two", mint(serving, may=["presence"]))
        assert await shut(wire) == (
            "You no longer have permission to read from this Channel topic: two"
        )
    sql("drop policy by_claim on realtime.messages")


async def test_refreshes_in_a_row_end_with_the_last(
    recorded_schema: None, local_config: LocalSupabaseConfig, sql: Sql, make_table: MakeTable
) -> None:
    table = make_table("id int primary key, site text", rls=True)
    with serve(local_config, penalties=Penalties(claims_swap=0.3)) as serving:
        async with connect(serving) as wire:
            binding = {"event": "INSERT", "schema": "public", "table": table}
            await wire.subscribe("t", mint(serving, sites=["a"]), binding)
            for site in "bcd":
                await refresh(wire, "t", mint(serving, sites=[site]))
            assert (await wire.expect("system"))["payload"]["status"] == "ok"
            sql(f"insert into {table} values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')")
            assert (await wire.change())["record"]["site"] == "d"

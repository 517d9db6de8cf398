-- Waits until the transactions are visible. Logical decoding hands out a commit as soon as it is in
-- the WAL, which is a moment before other sessions see its rows.
create or replace function pg_temp.await_transactions(xids bigint[], patience interval)
returns void
language plpgsql volatile as $$
declare
    deadline timestamptz := clock_timestamp() + patience;
    snapshot pg_snapshot;
    following bigint;
    pending boolean;
begin
    loop
        snapshot := pg_current_snapshot();
        following := pg_snapshot_xmax(snapshot)::text::bigint;
        -- the stream has the low half of a transaction id: its epoch is the one closest to now
        select coalesce(bool_or(not pg_visible_in_snapshot(
            (xid + ((following - xid + 2147483648) >> 32 << 32))::text::xid8, snapshot
        )), false) into pending
        from unnest(xids) xid;
        exit when not pending;
        if clock_timestamp() > deadline then
            raise warning 'a commit was still not visible after %', patience;
            exit;
        end if;
        perform pg_sleep(0.0005);
    end loop;
end $$;

drop view public.evt_sites;
drop function public.events_of, public.first_event, public.extent, public.add, public.shout,
    public.describe, public.mirror, public.write_journal, public.join_all, public.twice(int),
    public.twice(text), public.whoami, public.fail, public.wait;
drop table public.comment, public.evt, public.seat, public.diary, public."Odd Name", public.journal;

-- How many clients follow by Postgres Changes: Realtime keeps a subscription as long as it lasts.
select count(distinct subscription_id) from realtime.subscription

"""What ``verify_live`` runs: a proof of isolation on the running services.

``sites`` creates probe sites and delivers their updates to Supabase; ``cases`` lists who subscribes
to what, and what each may receive; ``subscribers`` joins each case on a socket of its own;
``verify`` runs all of it and judges what arrived. ``ping`` sends one test update the whole way.
"""

"""What ``verify_live`` runs: the proof on the running services.

``sites`` makes probe sites and brings what they record to Supabase; ``cases`` says who subscribes
to what and what may arrive there; ``subscribers`` joins each case on a socket of its own;
``verify`` walks through all of it and judges what arrived.
"""

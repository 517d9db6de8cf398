"""Audits: compare the database's catalog with what the SQL files of spool_live define."""

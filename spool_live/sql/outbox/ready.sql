-- Whether any site has something that may go now.
WITH RECURSIVE {walk}
SELECT EXISTS (SELECT FROM ripe)

"""What an API caller can reach, from the catalog: ``catalog`` reads it, ``code`` reads what is in
functions and views, ``walk`` follows both from each role of the API, ``fingerprint`` puts all that
an object reaches into one number for the file of accepted findings."""

"""A project on django CMS, with and without versions, and what its editors' acts record."""

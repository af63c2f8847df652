"""Records and pure functions on arrays; no files, no clock, no globals, no logging."""

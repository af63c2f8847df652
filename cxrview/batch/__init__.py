"""Folders at scale: score rows and the tables they go to."""

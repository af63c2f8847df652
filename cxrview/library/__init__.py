"""The study index: which images there are, whose, when and how they were taken, and what people and models say of them.

One SQLite file in the data folder; the images stay where they are. `open_library` (database.py) gives a `Library` (library.py):
`find` takes a `Query` and gives ids in order, `images` gives the rows of a page of ids. `index_paths` and `check_files`
(index.py) fill it. Records stand in records.py. Nothing here knows Qt; every call may come from any thread.
"""

"""Files, folders and settings: everything that touches a disk."""

"""From labelled folders to a finished model package; torch only in named files."""

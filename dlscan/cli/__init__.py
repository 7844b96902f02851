"""The command line: one verb per file. Each command parses, calls one function, prints."""

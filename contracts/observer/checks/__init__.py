"""The observer's checks, one idea a file. Each registers itself; observer.py imports them all."""

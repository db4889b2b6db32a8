"""What correct means for a server and for a client of the Tinker API, and the suite that enforces it.

Nothing here imports the server: it judges any server by its URL and a key, and any client by what it sent.
"""

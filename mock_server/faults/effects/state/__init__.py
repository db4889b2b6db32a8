"""Effects on what is stored: runs, checkpoints, sessions, and the server as a whole."""

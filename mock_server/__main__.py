"""`python -m mock_server` is the command `tinker-mock`."""

from mock_server.cli import main

if __name__ == "__main__":
    main()

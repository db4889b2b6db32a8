"""The real server without all by which it could be disturbed: `python -m benchmarks.undisturbable serve …`.

No journal, no scenarios, no faults: what a server would be that only works.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mock_server.cli import main
from mock_server.cli.serve import one_thread_per_product

if TYPE_CHECKING:
    from fastapi import FastAPI

    from mock_server.settings import Settings


def strip() -> None:
    """Have the command serve an application without its outer layers."""
    one_thread_per_product(os.environ)  # before numpy comes with the application
    from mock_server import app

    create_app = app.create_app

    def stripped(settings: Settings) -> FastAPI:
        application = create_app(settings)
        application.middleware_stack = application.build_middleware_stack()
        return application

    app.create_app = stripped


if __name__ == "__main__":
    strip()
    main()

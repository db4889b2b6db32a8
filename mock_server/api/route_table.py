"""Finds a route by a look into a table instead of by trying one pattern after another."""

from collections import defaultdict
from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class RouteTable(BaseRoute):
    """Stands before the routes that it knows, finds the one, and says 405 with all methods that a path takes.

    Trying forty patterns costs as much as all else that the framework does for a request (measured: 45 %); and each of
    them would name its own method only.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._exact: dict[tuple[str, str], APIRoute] = {}
        self._by_length: defaultdict[tuple[str, int], list[APIRoute]] = defaultdict(list)
        for route in routes:
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    self._add(method, route)
        self._paths = {path for _, path in self._exact}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http":
            exact = self._exact.get((scope["method"], scope["path"]))
            if exact is not None:  # what the route would find out by its pattern
                return Match.FULL, {"endpoint": exact.endpoint, "path_params": {}, "route": exact}
            for route in self._templates(scope["method"], scope["path"]):
                match, child_scope = route.matches(scope)
                if match == Match.FULL:
                    return match, child_scope
            allowed = self._allowed(scope["path"])
            if allowed:
                # A path of its own is no id in a template (sessions/search). To others somebody behind may give more.
                return Match.FULL if scope["path"] in self._paths else Match.PARTIAL, {"allowed_methods": allowed}
        return Match.NONE, {}

    def operation_of(self, method: str, path: str) -> str | None:
        """The name of the operation that a request is for, which is its endpoint's; None for none of these routes."""
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact.name
        for route in self._templates(method, path):
            if route.path_regex.match(path):
                return route.name
        return None

    @property
    def operations(self) -> frozenset[str]:
        """The names of all operations."""
        routes = [*self._exact.values(), *(route for found in self._by_length.values() for route in found)]
        return frozenset(route.name for route in routes)

    def _templates(self, method: str, path: str) -> Iterable[APIRoute]:
        """The routes whose templates a path may fill that is none of its own."""
        return () if path in self._paths else self._by_length.get((method, path.count("/")), ())

    def _allowed(self, path: str) -> list[str]:
        """The methods that the path takes; none where there is no such path."""
        if path in self._paths:
            return sorted(method for method, known in self._exact if known == path)
        return sorted(
            method
            for (method, length), routes in self._by_length.items()
            if length == path.count("/") and any(route.path_regex.match(path) for route in routes)
        )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = scope.get("allowed_methods")
        if allowed:
            raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
        await scope["route"].handle(scope, receive, send)  # where APIRoute.matches says which it is

    def _add(self, method: str, route: APIRoute) -> None:
        if route.param_convertors:
            self._by_length[method, route.path.count("/")].append(route)
        else:
            self._exact.setdefault((method, route.path), route)

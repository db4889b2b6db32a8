"""One question each: a function that asks the server as a tenant, and raises Violation where the answer is wrong.

A check takes `asker: Asker` and makes the tenants that it needs by `asker.tenant()`. It leaves nothing that another
check could stumble over, for they share a tenant where the server takes but one key.
"""

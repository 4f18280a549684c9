"""Signing in: who may pass, the pages on which people prove who they are, and the way out.

A sign-in of any kind ends in one thing: the signed token of `ledger.identity` with a role and an end, in the cookie
of `labs.cookies`. Whatever else has to know who somebody is asks `labs.site`.
"""

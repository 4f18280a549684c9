"""LTI 1.3: learning platforms launch labs, link to one of them, and are told what their students reach.

A launch goes `/lti/login` (the platform says who asks), the platform's own sign-in, `/lti/launch` (the platform's
signed statement); scores wait in the ledger (`ledger.grades`) until a sender has brought them to the gradebook.
"""

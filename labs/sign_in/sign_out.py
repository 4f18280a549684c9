"""Signing out: by a form of our own pages only, so that no link and no picture of another site can do it."""

from __future__ import annotations

from labs.cookies import take
from labs.sign_in.addresses import SIGN_OUT, sign_in_for
from labs.sign_in.oidc import end_of_session
from labs.sign_in.page import SignInPage


class SignOut(SignInPage):
    """Asks before, and says it afterwards."""

    async def get(self) -> None:
        """Asks whoever is signed in whether to sign out; says to the others that they are."""
        if self.is_signed_in:
            self.shows(
                "Sign out?",
                "What you did is kept in your ledger.",
                button=(SIGN_OUT, "Sign out"),
                link=("/", "Back to the labs"),
            )
            return
        elsewhere = await end_of_session()
        text = "What you did is kept in your ledger."
        if elsewhere:
            text += " The sign-in service may still know you: on a computer that others use, sign out there, too."
        self.shows(
            "You have signed out",
            text,
            link=(sign_in_for("/"), "Sign in again"),
            other=(elsewhere, "Sign out of the sign-in service") if elsewhere else None,
        )

    def post(self) -> None:
        """Takes the cookie back."""
        take(self)
        self.redirect(SIGN_OUT, status=303)

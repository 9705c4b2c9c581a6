"""One of the staff at a browser: the first sign-in with its set-up of an app, and every later one."""

from copy import copy

from playwright.sync_api import Browser

from tests.accounts.sign_in import PASSWORD, code
from tests.browser.visitor import Visitor


class Colleague(Visitor):
    """One of the staff, with an authenticator app; where their role needs a passkey, with a key in the browser."""

    def __init__(self, browser: Browser, name: str, email: str, staff_url: str) -> None:
        super().__init__(browser, name)
        self.email = email
        self.staff_url = staff_url
        self.secret = ""
        self.codes: list[str] = []
        # Chromium's own authenticator: it verifies whoever is there, and answers at once.
        self.devices = self.context.new_cdp_session(self.page)
        self.devices.send("WebAuthn.enable")
        self.device = self.get_a_key()

    def get_a_key(self) -> str:
        """A new authenticator in the browser; gives its id."""
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.device = self.devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})[
            "authenticatorId"
        ]
        return self.device

    def refuse(self, refuses: bool) -> None:
        """The authenticator doesn't recognise the finger, or does again."""
        self.devices.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.device, "isUserVerified": not refuses}
        )

    def lose_the_key(self) -> None:
        """The authenticator is gone, with every passkey in it."""
        self.devices.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.device})

    def beside(self, name: str, email: str) -> "Colleague":
        """Somebody else at the same browser, in a tab of their own."""
        other = copy(self)
        other.name, other.email, other.secret = name, email, ""
        other.page = self.context.new_page()
        # A tab has authenticators of its own.
        other.devices = self.context.new_cdp_session(other.page)
        other.devices.send("WebAuthn.enable")
        other.get_a_key()
        return other

    def first_sign_in(self) -> None:
        """Password, then the set-up of the app by the secret that the page shows, or of a passkey where the role needs one."""
        self.type_password()
        self.sees("Set up a second factor")
        app = self.page.get_by_role("link", name="Use an authenticator app")
        if not app.count():
            self.page.get_by_role("link", name="Make a passkey").click()
            self.field("What do you call it?").fill("Work laptop")
            return
        app.click()
        self.sees("Set up your authenticator app")
        self.secret = self.page.locator(".secret-text").inner_text().replace(" ", "")
        self.field("Code from your app").fill(code(self.secret))

    def finish_enrolment(self) -> None:
        """Send the code that was typed, or make the passkey that was named; then keep the recovery codes."""
        self.press("Finish" if self.secret else "Make the passkey")
        self.keep_codes()
        self.page.wait_for_url(f"{self.staff_url}/")

    def keep_codes(self) -> None:
        """Have the recovery codes shown, and say that they are kept."""
        self.page.get_by_role("button", name="Show my codes").click()
        self.codes = self.page.locator(".recovery-codes").inner_text().split()
        self.page.get_by_label("I have kept these codes").check()
        self.press("Go on")

    def sign_in(self) -> None:
        """Password, and the passkey or a code: that of the next half minute is good too, so that nobody waits for it."""
        self.type_password()
        self._show_factor()
        self.page.wait_for_url(f"{self.staff_url}/")

    def sign_in_again(self) -> None:
        """On the page of sign-in that is open, wherever it leads."""
        self._fill_password()
        self._show_factor()

    def sign_out(self) -> None:
        """By the menu at the top of every page."""
        self.page.locator("summary", has_text="Account").click()
        self.press("Sign out")
        self.page.wait_for_url("**/account/login/")

    def _show_factor(self) -> None:
        if self.secret:
            self.field("Code from your app").fill(code(self.secret, steps=1))
            self.press("Sign in")
        else:
            self.press("Use your passkey")

    def type_password(self) -> None:
        """The first page of signing in."""
        self.go(self.staff_url)
        self.page.wait_for_url("**/account/login/**")
        self._fill_password()

    def _fill_password(self) -> None:
        self.page.get_by_label("Email").fill(self.email)
        self.field("Password").fill(PASSWORD)
        self.press("Sign in")

"""One of the staff at a browser: the first sign-in with its set-up of an app, and every later one."""

from copy import copy

from playwright.sync_api import Browser

from tests.accounts.sign_in import PASSWORD, code
from tests.browser.visitor import Visitor


class Colleague(Visitor):
    """One of the staff, with an authenticator app."""

    def __init__(self, browser: Browser, name: str, email: str, staff_url: str) -> None:
        super().__init__(browser, name)
        self.email = email
        self.staff_url = staff_url
        self.secret = ""

    def beside(self, name: str, email: str) -> "Colleague":
        """Somebody else at the same browser, in a tab of their own."""
        other = copy(self)
        other.name, other.email, other.secret = name, email, ""
        other.page = self.context.new_page()
        return other

    def first_sign_in(self) -> None:
        """Password, then the set-up of the app by the secret that the page shows, and on to the first page."""
        self._type_password()
        self.sees("Set up your authenticator app")
        self.secret = self.page.locator(".secret-text").inner_text().replace(" ", "")
        self.field("Code from your app").fill(code(self.secret))

    def finish_enrolment(self) -> None:
        """Send the code that was typed."""
        self.press("Finish")
        self.page.wait_for_url(f"{self.staff_url}/")

    def sign_in(self) -> None:
        """Password and a code. The code of the next half minute is good too, so that nobody waits for it: each works once."""
        self._type_password()
        self._type_code()
        self.page.wait_for_url(f"{self.staff_url}/")

    def sign_in_again(self) -> None:
        """On the page of sign-in that is open, wherever it leads."""
        self._fill_password()
        self._type_code()

    def sign_out(self) -> None:
        """By the menu at the top of every page."""
        self.page.locator("summary", has_text="Account").click()
        self.press("Sign out")
        self.page.wait_for_url("**/account/login/")

    def _type_code(self) -> None:
        self.field("Code from your app").fill(code(self.secret, steps=1))
        self.press("Sign in")

    def _type_password(self) -> None:
        self.go(self.staff_url)
        self.page.wait_for_url("**/account/login/**")
        self._fill_password()

    def _fill_password(self) -> None:
        self.page.get_by_label("Email").fill(self.email)
        self.field("Password").fill(PASSWORD)
        self.press("Sign in")

"""The document as a page, in a browser: a module of its own, as its loop is in the way of asynchronous tests."""

from playwright.sync_api import Browser

from tests.browser import browser, new_context
from triggers.contract.document import build
from triggers.contract.page import page

__all__ = ["browser"]

#: How far to the right anything reaches, also what an element cuts off or scrolls.
_REACH = """Math.max(...[...document.querySelectorAll("main *:not(pre)")].map(
  (part) => part.getBoundingClientRect().left + Math.max(part.scrollWidth, part.getBoundingClientRect().width)))"""


def test_the_page_fits_a_phone(browser: Browser) -> None:
    phone = new_context(browser, viewport={"width": 390, "height": 800}).new_page()
    phone.set_content(page(build()))
    assert phone.evaluate(_REACH) <= 390
    phone.context.close()

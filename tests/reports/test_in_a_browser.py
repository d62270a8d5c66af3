"""The report as a browser has it: accessible, still, and as wide as the screen."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, async_playwright

from server.reports import html, report
from server.reports.material import Material

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        await opened.close()


async def test_axe_finds_nothing_and_nothing_is_asked_of_the_network(
    browser: Browser, closed: Material, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(html.page(report.build(closed), html.map_points(closed)), "utf-8")
    asked: list[str] = []
    said: list[str] = []
    for width, height, dark in ((360, 740, True), (1280, 800, False)):
        page = await browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        await page.goto(file.as_uri())
        found = await Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
        assert found.violations_count == 0, found.generate_report()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.close()
    assert set(asked) == {file.as_uri()}
    assert said == []


async def test_it_prints(browser: Browser, closed: Material, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(html.page(report.build(closed), html.map_points(closed)), "utf-8")
    page = await browser.new_page()
    await page.goto(file.as_uri())
    printed = await page.pdf(prefer_css_page_size=True, print_background=True)
    assert printed.startswith(b"%PDF")
    await page.emulate_media(media="print")
    assert not await page.locator("nav.contents").is_visible()
    assert await page.locator("#asked").is_visible()

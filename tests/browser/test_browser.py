"""The journey in Chromium: by keyboard and by touch, on a phone and a desk, light and dark."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from server.deliberation import commands as c
from server.deliberation.vocabulary import Phase
from tests.pages.world import FACILITATOR, MODERATOR, PARTICIPANT, World, founded
from tests.serving import serving, settings_in

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1280, "height": 800}}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WCAG = {"runOnly": {"type": "tag", "values": TAGS}}
PAYLOADS = (
    "<script>window.pwned=1;alert(1)</script>",
    '<img src=x onerror="window.pwned=1;alert(2)"><svg onload=alert(3)>',
    "\"'><iframe src=javascript:alert(4)></iframe>{{7*7}}${7*7}",
    "Rights \u202eesrever\u202c and <b>bold</b> &lt;i&gt; javascript:alert(5)",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(CHROMIUM).exists(), reason="Chromium is not installed: browser tests are left out"
    ),
]


@dataclass
class Stage:
    """A server with its world, and a browser; ``complaints`` are what the console said."""

    url: str
    world: World
    chromium: Browser
    complaints: list[str] = field(default_factory=list)

    async def visitor(self, kind: dict[str, object], **more: object) -> BrowserContext:
        """Return a browser of its own, watched for errors, dialogs and policy reports."""
        context = await self.chromium.new_context(base_url=self.url, **kind, **more)  # type: ignore[arg-type]
        context.on("console", lambda said: self._heard(said.type, said.text))
        context.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.set_default_timeout(10_000)
        return context

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)


@asynccontextmanager
async def staged(folder: Path, **how: object) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(settings_in(folder)))
        world = await stack.enter_async_context(founded(served.app, **how))  # type: ignore[arg-type]
        playwright = await stack.enter_async_context(async_playwright())
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        stack.push_async_callback(chromium.close)
        yield Stage(served.base_url, world, chromium)


async def join(page: Page, code: str = PARTICIPANT, name: str = "") -> None:
    await page.goto(f"/join/{code}")
    await page.get_by_label("My words may be published").check()
    await page.get_by_label("A name, if you like").fill(name)
    await page.get_by_role("button", name="Join the assembly").click()
    await page.get_by_role("button", name="I have kept it").click()
    await page.wait_for_url("**/rooms/**")


async def shown(page: Page) -> str:
    return await page.locator("#ballot").get_attribute("data-statement") or ""


async def until(page: Page, function: str, argument: str = "") -> None:
    """Wait until a function of the page says so, asked from outside: its policy forbids eval."""
    async with asyncio.timeout(20):
        while not await page.evaluate(function, argument):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)


async def after(page: Page, act: Callable[[], Awaitable[None]]) -> None:
    """Act, and wait until another statement is put."""
    before = await shown(page)
    await act()
    await until(
        page, "before => document.getElementById('ballot').dataset.statement !== before", before
    )


@pytest.mark.parametrize(
    ("kind", "by_touch"), [(PHONE, True), (DESK, False)], ids=["phone", "desk"]
)
async def test_join_vote_write_rank_and_read_the_report(
    tmp_path: Path, kind: dict[str, object], *, by_touch: bool
) -> None:
    async with staged(tmp_path) as stage:
        world = stage.world
        await world.analysis()
        context = await stage.visitor(kind)
        page = await context.new_page()
        await join(page)
        loads: list[str] = []
        page.on("framenavigated", lambda frame: loads.append(frame.url))
        if by_touch:
            box = await page.locator(".choice").first.bounding_box()
            assert box
            assert box["height"] >= 48
            await after(page, page.locator('.choice[value="agree"]').tap)
            await after(page, page.locator('.choice[value="disagree"]').tap)
        else:
            await after(page, lambda: page.keyboard.press("1"))
            await page.locator('.choice[value="disagree"]').focus()
            await after(page, lambda: page.keyboard.press("Enter"))
            focused = await page.evaluate("document.activeElement.value")
            assert focused == "disagree", "focus stays on what was pressed"
        assert "Recorded, receipt no." in await page.locator("#undo-text").inner_text()
        await until(
            page, "() => document.getElementById('status').textContent.includes('Next statement:')"
        )
        assert not loads, "a vote loads no page"
        # Change the last vote, and come back to where one was.
        here = await shown(page)
        await page.get_by_role("button", name="Change it").click()
        assert (
            await page.locator('.choice[aria-pressed="true"]').get_attribute("value") == "disagree"
        )
        await page.locator('.choice[value="pass"]').click()
        await until(
            page, "here => document.getElementById('ballot').dataset.statement === here", here
        )
        assert "2 of 7" in await page.locator("#progress-text").inner_text()
        # Keys do not vote while one writes.
        field = page.get_by_label("One idea, in one sentence")
        await field.fill("123 laboratories must publish how they test a system")
        await field.press("1")
        await page.locator("#similar .statement").first.wait_for()
        assert "Laboratories must publish" in await page.locator("#similar").inner_text()
        assert await shown(page) == here
        await page.get_by_role("button", name="Send my statement").click()
        await page.get_by_text("Your statement is in.").first.wait_for()
        assert await field.input_value() == ""
        while await page.locator("#progress-link").is_hidden():
            await after(page, lambda: page.keyboard.press("2"))
        await page.get_by_role("link", name="See where you stand").click()
        await page.get_by_text("You are here").wait_for()
        await world.phase(Phase.DRAFTING)
        await world.drafts()
        await world.phase(Phase.RANKING)
        await page.get_by_role("link", name="Drafts").click()
        await page.get_by_role("button", name="Move draft B up").click()
        first = page.locator("#rank > li").first
        assert await first.get_attribute("data-draft") == "d1"
        await page.get_by_role("button", name="Cast my ballot").last.click()
        await page.get_by_text("Your ballot is recorded, receipt no.").wait_for()
        (_, ballot), *_ = (await world.desk.house.room(world.room)).rounds[-1].ballots.values()
        assert ballot.order == (("d1",), ("d0",))
        await page.get_by_role("link", name="Report").last.click()
        await page.get_by_role("heading").first.wait_for()
        assert not stage.complaints, stage.complaints
        await context.close()


async def test_the_same_path_without_any_script(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        context = await stage.visitor(PHONE, java_script_enabled=False)
        page = await context.new_page()
        await join(page)
        seen = set()
        for _ in range(3):
            seen.add(await page.locator('#vote input[name="statement_id"]').input_value())
            await page.locator('.choice[value="agree"]').tap()
            await page.get_by_text("You agreed. Recorded, receipt no.").wait_for()
        assert len(seen) == 3
        await page.get_by_label("One idea").fill("Laboratories must publish how they test.")
        await page.get_by_role("button", name="Go on: see what is like it").click()
        await page.get_by_text("People have said something like it already").wait_for()
        await page.get_by_role("button", name="Send it").click()
        await page.get_by_text("Your statement is in, receipt no.").wait_for()
        await stage.world.phase(Phase.DRAFTING)
        await stage.world.drafts()
        await stage.world.phase(Phase.RANKING)
        await page.get_by_role("link", name="Drafts").first.click()
        await page.get_by_role("button", name="Move draft B up").click()
        assert await page.locator("#rank > li").first.get_attribute("data-draft") == "d1"
        await page.get_by_role("button", name="Cast my ballot").last.click()
        await page.get_by_text("Your ballot is recorded, receipt no.").wait_for()
        await page.get_by_role("link", name="Report").last.click()
        await page.get_by_role("heading").first.wait_for()
        assert not stage.complaints, stage.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(tmp_path: Path, scheme: str) -> None:
    axe = Axe()
    async with staged(tmp_path, phase=Phase.DRAFT) as stage:
        world = stage.world
        found: dict[str, list[str]] = {}

        async def look(page: Page, path: str) -> None:
            await page.goto(path)
            result = await axe.run(page, options=WCAG)
            violations = [
                f"{each['id']}: {node['html'][:160]}"
                for each in result.response["violations"]
                for node in each["nodes"]
            ]
            assert len(result.response["passes"]) > 5, "axe has looked"
            if violations:
                found[path] = violations

        desk = await stage.visitor(DESK, color_scheme=scheme)
        lead = await desk.new_page()
        await look(lead, "/")
        await look(lead, f"/join/{FACILITATOR}")
        await look(lead, "/return")
        await look(lead, "/nothing-here")
        await join(lead, FACILITATOR)
        room = f"/rooms/{world.room}"
        await look(lead, room)
        await look(lead, f"{room}/facilitate")
        await look(lead, f"{room}/moderation")
        await world.phase(Phase.OPEN)
        await world.analysis()
        phone = await stage.visitor(PHONE, color_scheme=scheme)
        person = await phone.new_page()
        await join(person)
        await look(person, f"{room}/map")
        for _ in range(7):
            await person.goto(room)
            await after(person, lambda: person.keyboard.press("1"))
        await person.get_by_label("One idea").fill("Laboratories must publish how they test")
        await person.locator("#similar .statement").first.wait_for()
        result = await axe.run(person, options=WCAG)
        assert not result.response["violations"], result.generate_report()
        for path in ("/map", "/mine", "/mine/erase", "/statements", "/testimonies", "/pause"):
            await look(person, room + path)
        await look(person, "/assemblies/owed")
        await look(person, f"{room}/moderation/log")
        await world.phase(Phase.DRAFTING)
        await world.analysis()
        await world.drafts()
        await look(person, f"{room}/map")
        await world.phase(Phase.RANKING)
        await look(person, f"{room}/drafts")
        who = (await world.desk.house.room(world.room)).rows[-1]
        for command in (c.CastRanking(order=(("d0",), ("d1",)), seen=("d0", "d1")),):
            actor = c.Actor(
                who, (await world.desk.house.assembly(world.assembly)).members[who].role
            )  # type: ignore[arg-type]
            await world.desk.house.submit(world.room, command, actor)
        await world.phase(Phase.RATIFYING)
        await look(person, f"{room}/drafts")
        await world.phase(Phase.CLOSED)
        await look(person, f"{room}/drafts")
        await look(lead, f"{room}/facilitate")
        assert not found, found
        assert not [each for each in stage.complaints if "404" not in each], stage.complaints


async def test_hostile_words_make_no_node_no_dialog_and_no_report(tmp_path: Path) -> None:
    async with staged(tmp_path, people=0) as stage:
        world = stage.world
        writer = await (await stage.visitor(DESK)).new_page()
        await join(writer, name=PAYLOADS[1][:40])
        for text in PAYLOADS:
            await writer.get_by_label("One idea").fill(text)
            await writer.wait_for_timeout(700)
            await writer.get_by_role("button", name="Send my statement").click()
            await writer.locator("#sent").get_by_text("Your statement is in.").wait_for()
        moderator = await (await stage.visitor(DESK)).new_page()
        await join(moderator, MODERATOR, name=PAYLOADS[0][:40])
        room = f"/rooms/{world.room}"
        for page, path in (
            (writer, f"{room}/statements"),
            (writer, f"{room}/mine"),
            (moderator, f"{room}/moderation"),
            (moderator, f"{room}/statements"),
        ):
            await page.goto(path)
            for text in PAYLOADS:
                part = text[:30] if "\u202e" not in text else "esrever and <b>bold</b>"
                assert part in await page.locator("main").inner_text(), (path, part)
            foreign = await page.evaluate(
                "document.querySelectorAll('main script, main img, main iframe, main b, "
                "[onerror], [onload], [style]').length"
            )
            assert foreign == 0
            assert await page.evaluate("window.pwned === undefined")
        state = await world.desk.house.room(world.room)
        statements = [s for s in state.statements.values() if s.text.startswith("Rights")]
        await writer.goto(f"{room}?statement={statements[0].id}")
        assert "esrever" in await writer.locator("#ballot .statement").inner_text()
        assert not stage.complaints, stage.complaints


async def test_a_line_that_drops_loses_neither_vote_nor_text(tmp_path: Path) -> None:
    async with staged(tmp_path, people=0) as stage:
        context = await stage.visitor(PHONE)
        page = await context.new_page()
        await join(page)
        await page.get_by_label("One idea").fill("People must be told before a machine decides.")
        here = await shown(page)
        await context.set_offline(True)
        await page.locator('.choice[value="agree"]').click()
        await page.get_by_text("Not recorded yet: the line is down.").first.wait_for()
        assert await shown(page) == here, "nothing pretends to be recorded"
        await context.set_offline(False)
        await until(
            page, "before => document.getElementById('ballot').dataset.statement !== before", here
        )
        assert "Recorded, receipt no." in await page.locator("#undo-text").inner_text()
        await page.locator("#line").wait_for(state="hidden")
        await page.reload()
        kept = await page.get_by_label("One idea").input_value()
        assert kept == "People must be told before a machine decides."
        state = await stage.world.desk.house.room(stage.world.room)
        assert state.votes.votes == 1
        # What those who run the room say arrives without a page load.
        await stage.world.desk.house.submit(
            stage.world.room, c.PostNotice(text="We go on after lunch."), None
        )
        await page.get_by_text("We go on after lunch.").first.wait_for()
        await stage.world.phase(Phase.DRAFTING)
        await page.get_by_text("The assembly has moved on to another step.").first.wait_for()


async def test_a_right_to_left_page_fits_a_phone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        page = await (await stage.visitor(PHONE)).new_page()
        await join(page)
        room = f"/rooms/{stage.world.room}"
        for path in (room, f"{room}/mine", f"{room}/statements", "/", "/assemblies/owed"):
            await page.goto(path)
            for direction in ("ltr", "rtl"):
                await page.evaluate("d => { document.documentElement.dir = d; }", direction)
                width = await page.evaluate("document.documentElement.scrollWidth")
                assert width <= 360, (path, direction, width)

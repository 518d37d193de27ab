"""The folder of HTML in a browser, opened from disk: click through it, on a desktop and a phone.

What is wrong with a page goes into one list, `Visit.problems`.
"""

import shutil

import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
pytest.importorskip("latex2mathml", reason="needs the reader: pip install -e '.[reader]'")

from playwright.sync_api import Error, sync_playwright
from test_lessons import ANSWERS, PATHS, quotes

from minidann.reader import book
from minidann.reader.links import page_of
from minidann.reader.quoting import ROOT

ATTENTION = next(path for path in PATHS if path.stem == "05_attention")
SIZES = {"desktop": (1400, 900), "phone": (390, 844)}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

DRAWN = """() => {
  const found = [];
  for (const image of document.images)
    if (!(image.complete && image.naturalWidth)) found.push(`not loaded: ${image.src}`);
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const math of document.querySelectorAll("math")) {
    const box = math.getBoundingClientRect();
    if (!(box.width && box.height)) found.push(`not drawn: ${math.textContent.slice(0, 40)}`);
  }
  const wide = document.scrollingElement.scrollWidth;
  if (wide > innerWidth) found.push(`${wide} pixels wide, the window has ${innerWidth}`);
  return found;
}"""

PANE = """() => {
  const pane = document.querySelector(".pane"), scroller = pane.querySelector(".files");
  const files = [...pane.querySelectorAll(".file")].filter((f) => f.offsetParent !== null);
  const lines = files.length === 1 ? [...files[0].querySelectorAll("code > span")] : [];
  const lit = lines.filter((line) => line.classList.contains("lit"));
  const box = scroller.getBoundingClientRect();
  const inside = (line) => {
    const b = line.getBoundingClientRect();
    return b.top >= box.top - 1 && b.bottom <= Math.min(box.bottom, innerHeight) + 1;
  };
  const height = lit.length
    ? lit.at(-1).getBoundingClientRect().bottom - lit[0].getBoundingClientRect().top : 0;
  return {
    shown: [files.map((f) => f.id).join(), lit.map((line) => lines.indexOf(line) + 1)],
    seen: lit.length > 0 && (height <= box.height - 30 ? lit.every(inside) : inside(lit[0])),
    top: pane.getBoundingClientRect().top,
    beside: pane.getBoundingClientRect().left >= document.querySelector("main").clientWidth,
  };
}"""
CLICK_ALL = f"""() => [...document.querySelectorAll(".quote .source")].map((link) => {{
  link.click();
  return ({PANE})();
}})"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("reader")
    book.build(ROOT, out)
    return out


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, or else playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.skip(f"no Chromium: playwright install chromium ({str(error).splitlines()[0]})")
        yield started
        started.close()


class Visit:
    """A window on the folder. What goes wrong in it, `problems`, is noted with the page."""

    def __init__(self, browser, folder, size="desktop", **options):
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.folder, self.problems = folder, []
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda m: m.type == "error" and self.wrong(f"console: {m.text}"))
        self.page.on("pageerror", lambda error: self.wrong(f"script: {error}"))
        self.page.on("request", self.requested)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def wrong(self, what):
        self.problems.append(f"{self.page.url.rsplit('/', 1)[-1]}: {what}")

    def requested(self, request):
        if not request.url.startswith("file://"):
            self.wrong(f"asks for {request.url}")

    def open(self, name):
        """Open a page, and look at its figures, equations and width."""
        self.page.goto((self.folder / name).as_uri())
        for what in self.page.evaluate(DRAWN):
            self.wrong(what)

    def click_quotes(self, path):
        """Click each caption of a lesson, and see what the pane beside it shows."""
        expected = quotes(path)
        panes = self.page.evaluate(CLICK_ALL)
        if len(panes) != len(expected):
            self.wrong(f"{len(panes)} quotes, expected {len(expected)}")
        for pane, (file, lines) in zip(panes, expected):
            if pane["shown"] != [file, lines]:
                self.wrong(f"the pane shows {pane['shown']}, expected {file} {lines}")
            if not pane["seen"]:
                self.wrong(f"the lit lines of {file} are out of sight")
            if not pane["beside"]:
                self.wrong("the pane is not beside the prose")


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_drawn_and_on_a_desktop_every_quote_is_beside_its_code(browser, folder, size):
    with Visit(browser, folder, size) as visit:
        visit.open("index.html")
        for path in [*PATHS, *sorted(ANSWERS.glob("*.md"))]:
            visit.open(f"{page_of(path)}.html")
            if size == "desktop":
                visit.click_quotes(path)
        assert not visit.problems, "\n" + "\n".join(visit.problems)


def test_the_pane_follows_the_text(browser, folder):
    path = max(PATHS, key=lambda path: len(quotes(path)))
    expected = quotes(path)
    with Visit(browser, folder) as visit:
        visit.open(f"{path.stem}.html")
        for i in [*range(len(expected)), *reversed(range(len(expected)))]:
            quote = visit.page.locator(".quote").nth(i)
            quote.evaluate("q => q.scrollIntoView({block: 'center'})")
            visit.page.wait_for_function(
                "i => document.querySelectorAll('.quote')[i].classList.contains('current')", arg=i
            )
            pane = visit.page.evaluate(PANE)
            assert pane["shown"] == [*expected[i]] and pane["seen"]
        assert not visit.problems


def test_the_number_of_a_quoted_line_shows_that_line(browser, folder):
    with Visit(browser, folder) as visit:
        visit.open("05_attention.html")
        number = visit.page.locator(".quote .line").last
        file, line = number.get_attribute("href")[1:].split(":")
        number.click()
        pane = visit.page.evaluate(PANE)
        assert pane["shown"] == [file, quotes(ATTENTION)[-1][1]] and int(line) in pane["shown"][1]
        assert visit.page.locator(".pane .lit").last.is_visible() and not visit.problems


def test_without_javascript_the_number_of_a_quoted_line_is_a_link_to_it(browser, folder):
    with Visit(browser, folder, java_script_enabled=False) as visit:
        visit.page.goto((folder / "11_the_whole_model.html").as_uri())
        assert visit.page.locator(".pane .file").last.is_visible()
        assert not visit.page.locator(".keys").is_visible()
        number = visit.page.locator(".quote .line").nth(3)
        number.click()
        target = visit.page.locator(f"[id='{number.get_attribute('href')[1:]}']")
        box = target.bounding_box()
        assert 0 < box["y"] < 900 and box["x"] > 600 and not visit.problems


def test_keys_go_to_sections_and_to_pages(browser, folder):
    with Visit(browser, folder) as visit:
        visit.open("05_attention.html")
        tops = "[...document.querySelectorAll('main h2')].map(h => h.getBoundingClientRect().top)"
        for key, place in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
            visit.page.keyboard.press(key)
            assert 48 < visit.page.evaluate(tops)[place] < 80
        for key, name in (("n", "06_dense"), ("p", "05_attention"), ("p", "04_relu")):
            visit.page.keyboard.press(key)
            visit.page.wait_for_url(f"**/{name}*")
        assert not visit.problems


def test_printed_there_is_no_pane_and_nothing_is_folded_or_coloured(browser, folder):
    with Visit(browser, folder, color_scheme="dark") as visit:
        visit.page.goto((folder / "05_attention.html").as_uri())
        visit.page.emulate_media(media="print")
        visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert not visit.page.locator(".pane").is_visible()
        assert all(visit.page.locator("details").nth(i).evaluate("d => d.open") for i in range(4))
        colour = "n => getComputedStyle(n).color"
        colours = {n.evaluate(colour) for n in visit.page.locator("main pre span").all()[:60]}
        assert colours <= {"rgb(0, 0, 0)", "rgb(31, 31, 31)", "rgb(68, 68, 68)"}


def test_links_to_code_open_the_file_and_the_menu_has_all(browser, folder):
    with Visit(browser, folder) as visit:
        visit.open("11_the_whole_model.html")
        visit.page.locator("p a.source").first.click()
        assert visit.page.evaluate(PANE)["shown"] == ["minidann/model.py", []]
        files = visit.page.locator("option").all_text_contents()
        assert len(files) > 1
        for file in reversed(files):
            visit.page.locator("select").select_option(file)
            assert visit.page.evaluate(PANE)["shown"] == [file, []]


def test_on_a_phone_the_code_is_a_sheet_that_a_quote_opens(browser, folder):
    with Visit(browser, folder, "phone") as visit:
        visit.open("05_attention.html")
        sheet = visit.page.locator(".pane")
        for i, (file, lines) in enumerate(quotes(ATTENTION)):
            caption = visit.page.locator(".quote .source").nth(i)
            assert not sheet.is_visible()
            caption.click()
            pane = visit.page.evaluate(PANE)
            assert pane["shown"] == [file, lines] and pane["seen"]
            assert 300 < caption.bounding_box()["y"] + 20 < pane["top"]
            sheet.locator(".close").click()


def test_copying_the_code(browser, folder):
    with Visit(browser, folder, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.open("05_attention.html")
        text = visit.page.locator(".run pre").first.text_content()
        visit.page.locator(".copy").first.click()
        visit.page.get_by_text("copied").wait_for()
        assert visit.page.evaluate("() => navigator.clipboard.readText()") == text

"""The folder of HTML in a browser, opened from disk: click through it, on a desktop and a phone.

Whatever is wrong with a page goes into one list: `Visit.problems`. That the list fills where
something is wrong is tested as well.
"""

import re
import shutil

import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
pytest.importorskip("latex2mathml", reason="needs the reader: pip install -e '.[reader]'")

from playwright.sync_api import Error, sync_playwright
from test_lessons import PATHS, fences

from minidann.reader import book
from minidann.reader.links import prose
from minidann.reader.quoting import ROOT, find, lines_of

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
  if (document.compatMode !== "CSS1Compat") found.push("no doctype");
  return found;
}"""

PANE = """() => {
  const pane = document.querySelector(".pane"), scroller = pane.querySelector(".files");
  const file = [...pane.querySelectorAll(".file")].filter((f) => f.offsetParent !== null);
  const lines = file.length === 1 ? [...file[0].querySelectorAll(".l")] : [];
  const lit = lines.filter((line) => line.classList.contains("lit"));
  const box = scroller.getBoundingClientRect();
  const inside = (line) => {
    const b = line.getBoundingClientRect();
    return b.top >= box.top - 1 && b.bottom <= Math.min(box.bottom, innerHeight) + 1;
  };
  const height = lit.length
    ? lit.at(-1).getBoundingClientRect().bottom - lit[0].getBoundingClientRect().top : 0;
  return {
    files: file.map((f) => f.dataset.path),
    lit: lit.map((line) => lines.indexOf(line) + 1),
    seen: lit.length > 0 && (height <= box.height - 30 ? lit.every(inside) : inside(lit[0])),
    top: pane.getBoundingClientRect().top,
    left: pane.getBoundingClientRect().left,
    right: document.querySelector("main").getBoundingClientRect().right,
  };
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("reader") / "out"
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
    """A window on the folder. What goes wrong in it, `problems`, is told with the page."""

    def __init__(self, browser, folder, size="desktop", **options):
        width, height = SIZES[size]
        options = {"reduced_motion": "reduce", "color_scheme": "light"} | options
        viewport = {"width": width, "height": height}
        self.context = browser.new_context(viewport=viewport, **options)
        self.page = self.context.new_page()
        self.folder, self.phone, self.problems = folder, size == "phone", []
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda m: m.type == "error" and self.wrong(f"console: {m.text}"))
        self.page.on("pageerror", lambda error: self.wrong(f"script: {error}"))
        self.page.on("request", self.asked)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def wrong(self, what):
        self.problems.append(f"{self.page.url.rsplit('/', 1)[-1]}: {what}")

    def asked(self, request):
        if not request.url.startswith(("file://", "data:")):
            self.wrong(f"asks for {request.url}")

    def open(self, name):
        self.page.goto((self.folder / name).as_uri())

    def look(self):
        """The page as it stands: figures, equations, width."""
        for what in self.page.evaluate(DRAWN):
            self.wrong(what)

    def click_quotes(self, expected):
        """Each caption in turn; `expected`: file and lines of each quote."""
        quotes = self.page.locator(".quote")
        if quotes.count() != len(expected):
            return self.wrong(f"{quotes.count()} quotes, expected {len(expected)}")
        for i, (file, lines) in enumerate(expected):
            if self.phone and self.page.locator(".pane").is_visible():
                self.wrong("the sheet is open before it is asked for")
            quotes.nth(i).locator(".where").click()
            pane = self.page.evaluate(PANE)
            if pane["files"] != [file] or pane["lit"] != lines:
                told = f"{pane['files']} {pane['lit']}, expected {file} {lines}"
                self.wrong(f"quote {i + 1}: the pane shows {told}")
            elif not pane["seen"]:
                self.wrong(f"quote {i + 1}: the lit lines of {file} are out of sight")
            if self.phone:
                if pane["left"] != 0 or pane["top"] < 300:
                    self.wrong("the sheet is not below the prose")
                self.page.locator(".pane .close").click()
            elif pane["left"] < pane["right"] - 1:
                self.wrong("the pane is not beside the prose")


def expected_of(path):
    quotes = [fence for fence in fences(path.read_text(encoding="utf-8")) if fence.kind == "quote"]
    sources = [find(fence.info.split()[1]) for fence in quotes]
    return [(s.file, lines_of(f.text, s)) for f, s in zip(quotes, sources)]


@pytest.mark.parametrize("size", SIZES)
def test_click_through_every_lesson(browser, folder, size):
    with Visit(browser, folder, size) as visit:
        visit.open("index.html")
        visit.look()
        for path in PATHS:
            visit.page.locator("header a[rel=next]").click()
            visit.page.wait_for_url(f"**/{path.stem}.html")
            visit.look()
            visit.click_quotes(expected_of(path))
            links = [n for _, line in prose(path.read_text()) for n in re.findall(r"\.wav\)", line)]
            if visit.page.locator("audio").count() != len(links):
                visit.wrong(f"{visit.page.locator('audio').count()} sounds, expected {len(links)}")
        assert visit.page.locator("header a[rel=next]").count() == 0
        visit.page.locator("header a.contents").click()
        visit.page.wait_for_url("**/index.html")
        assert not visit.problems, "\n" + "\n".join(visit.problems)


def most_quoted():
    """The lesson in which the pane has most to do."""
    return max(PATHS, key=lambda path: len(set(map(str, expected_of(path)))))


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_pane_follows_the_text(browser, folder, motion):
    path = most_quoted()
    expected = expected_of(path)
    with Visit(browser, folder, reduced_motion=motion) as visit:
        visit.open(f"{path.stem}.html")
        visit.look()  # opens what is folded
        for i in [*range(len(expected)), *reversed(range(len(expected)))]:
            quote = visit.page.locator(".quote").nth(i)
            quote.evaluate("q => q.scrollIntoView({block: 'center', behavior: 'instant'})")
            visit.page.wait_for_function(
                "i => document.querySelectorAll('.quote')[i].classList.contains('current')", arg=i
            )
            visit.page.wait_for_function(f"() => ({PANE})().seen")
            pane = visit.page.evaluate(PANE)
            assert (pane["files"], pane["lit"]) == ([expected[i][0]], expected[i][1])
        assert not visit.problems


def test_a_pinned_pane_stays_until_it_is_let_go(browser, folder):
    path = most_quoted()
    expected = expected_of(path)
    with Visit(browser, folder) as visit:
        visit.open(f"{path.stem}.html")
        visit.look()
        quotes = visit.page.locator(".quote")
        quotes.nth(0).locator(".where").focus()
        visit.page.keyboard.press("Enter")
        follow = visit.page.locator(".follow")
        assert follow.get_attribute("aria-pressed") == "false"
        last = quotes.nth(len(expected) - 1)
        last.evaluate("q => q.scrollIntoView({block: 'center', behavior: 'instant'})")
        visit.page.wait_for_timeout(200)
        assert visit.page.evaluate(PANE)["lit"] == expected[0][1]
        follow.press("Enter")
        assert visit.page.evaluate(PANE)["lit"] == expected[-1][1]
        assert follow.get_attribute("aria-pressed") == "true"


def test_links_to_code_open_the_file_and_the_menu_has_all(browser, folder):
    path = next(path for path in PATHS if path.name.startswith("05"))
    with Visit(browser, folder) as visit:
        visit.open(f"{path.stem}.html")
        link = visit.page.locator("main a.source").first
        link.click()
        assert visit.page.evaluate(PANE)["files"] == [link.get_attribute("data-file")]
        assert visit.page.evaluate(PANE)["lit"] == []
        for file in visit.page.locator(".file-name option").all_text_contents():
            visit.page.locator(".file-name").select_option(file)
            assert visit.page.evaluate(PANE)["files"] == [file]


def test_a_folded_quote_unfolds(browser, folder):
    with Visit(browser, folder) as visit:
        visit.open("05_attention.html")
        quote = visit.page.locator(".quote.long").first
        before = quote.bounding_box()["height"]
        quote.locator(".more").click()
        assert quote.bounding_box()["height"] > before
        assert quote.locator(".more").get_attribute("aria-expanded") == "true"
        quote.locator(".more").click()
        assert quote.bounding_box()["height"] == before


def test_the_sheet_closes_with_escape_and_gives_the_focus_back(browser, folder):
    with Visit(browser, folder, "phone") as visit:
        visit.open(f"{most_quoted().stem}.html")
        where = visit.page.locator(".where").first
        where.click()
        assert visit.page.evaluate("() => document.activeElement.className") == "close"
        below = visit.page.locator(".pane").bounding_box()["y"]
        assert where.bounding_box()["y"] < below  # what was touched stays in sight
        visit.page.keyboard.press("Escape")
        assert not visit.page.locator(".pane").is_visible()
        assert where.evaluate("w => w === document.activeElement")


def paper(visit):
    return visit.page.evaluate("() => getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser, folder, scheme):
    with Visit(browser, folder, color_scheme=scheme) as visit:
        visit.open("index.html")
        before = paper(visit)
        visit.page.locator(".theme").click()
        after = paper(visit)
        assert before != after
        visit.page.locator("header a[rel=next]").click()
        visit.page.wait_for_url(f"**/{PATHS[0].stem}.html")
        assert paper(visit) == after  # kept
        assert not visit.problems


def test_where_storage_is_refused_the_button_still_works(browser, folder):
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    with Visit(browser, folder) as visit:
        visit.page.add_init_script(refuse)
        visit.open("index.html")
        before = paper(visit)
        visit.page.locator(".theme").click()
        assert paper(visit) != before
        assert not visit.problems


def test_copying_the_code(browser, folder):
    with Visit(browser, folder) as visit:
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visit.open("05_attention.html")
        text = visit.page.locator(".run pre").first.text_content()
        visit.page.locator(".copy").first.click()
        visit.page.locator(".copy.done").wait_for()
        assert visit.page.evaluate("() => navigator.clipboard.readText()") == text


@pytest.mark.parametrize("size", SIZES)
def test_without_the_script_all_can_be_read(browser, folder, size):
    with Visit(browser, folder, size, java_script_enabled=False) as visit:
        visit.open("05_attention.html")
        for quote in visit.page.locator(".quote pre").all():
            height = quote.bounding_box()["height"]
            assert height > 15 * quote.text_content().count("\n")
        assert not visit.page.locator(".file").first.is_visible()
        visit.page.locator(".where").first.click()
        assert visit.page.locator(".file").first.is_visible()


def test_on_paper_there_is_no_pane_and_every_quote_is_whole(browser, folder):
    with Visit(browser, folder) as visit:
        visit.open("05_attention.html")
        visit.page.emulate_media(media="print")
        assert not visit.page.locator(".pane").is_visible()
        for quote in visit.page.locator(".quote pre").all():
            assert quote.evaluate("q => q.scrollHeight <= q.clientHeight + 1")


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("</main>", '<img src="figures/none.png"></main>', "not loaded: "),
        ("</main>", '<img src="http://127.0.0.1:9/x.png"></main>', "asks for http://127.0.0.1:9"),
        ("</main>", '<script src="none.js"></script></main>', "console: "),
        ("</main>", "<script>throw new Error('oh')</script></main>", "script: oh"),
        ("</main>", "<math></math></main>", "not drawn: "),
        ("</main>", '<div style="width: 2000px">x</div></main>', " pixels wide, the window"),
        ('data-lines="', 'data-lines="1-1 ', "the pane shows "),
        ('data-file="minidann/ops/attention.py" data-lines', 'data-file="no.py" data-lines', "scr"),
        ('class="quote', 'class="other', "quotes, expected "),
        ("</head>", "<style>.files { height: 40px; flex: none !important } .l { margin: 30px }"
         "</style></head>", "out of sight"),
        ("</head>", "<style>.book { display: block !important }</style></head>", "not beside"),
    ],
)  # fmt: skip
def test_the_checks_see_what_is_wrong(browser, folder, tmp_path, old, new, words):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = next(path for path in PATHS if path.name == "05_attention.md")
    page = copy / "05_attention.html"
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new, 1), encoding="utf-8")
    with Visit(browser, copy) as visit:
        visit.open(page.name)
        visit.look()
        visit.click_quotes(expected_of(path))
        assert any(words in problem for problem in visit.problems), visit.problems

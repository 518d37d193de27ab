"""From an equation in LaTeX to MathML, which browsers draw without help.

latex2mathml does the translating. What it gets wrong for the lessons is mended here; what it does
not understand is refused, for it would hand the LaTeX through to the reader.
"""

import re
import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert

TAG = re.compile(r"\\tag\{(\d+)\}")
UNKNOWN = {r"\arg": r"\operatorname{arg}", r"\tfrac": r"\frac", r"\dfrac": r"\frac"}  # to it
RELATIONS = set("=<>\u2264\u2265\u2248\u2260\u221d\u2261\u2192\u2190")
THIN = "0.167em"
LIMITS = {"max", "min", "lim", "sup", "inf", "argmax", "argmin"}  # their index goes below them,
SUMS = {"\u2211", "\u220f"}  # as that of a sum does, where there is room
BELOW = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
PARTS = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "mroot": 2, "msubsup": 3,
         "munderover": 3}  # fmt: skip
SCRIPTS = ("msub", "msup", "msubsup", "munder", "munderover", "mover")
LETTERS = {"\u2202", "\u2207", "\u221e", "\u22a4"}  # operators there, but symbols like any letter
OPERATORS = {"\u00b1", "\u2213", "\u29f5"}  # and the other way about
BOLD_ITALIC = {**{chr(0x3B1 + i): chr(0x1D736 + i) for i in range(25)},
               **{chr(97 + i): chr(0x1D482 + i) for i in range(26)},
               **{chr(65 + i): chr(0x1D468 + i) for i in range(26)}}  # fmt: skip
BOLD_DIGITS = {str(i): chr(0x1D7CE + i) for i in range(10)}


class NotMath(ValueError):
    """Why an equation cannot be shown, in a few words."""


def inline(latex: str) -> str:
    return ET.tostring(_mathml(latex, "inline"), encoding="unicode")


def block(latex: str) -> tuple[str, str | None]:
    """-> the MathML, and the number of the equation if `\\tag` gives it one."""
    tags = TAG.findall(latex)
    if len(tags) > 1:
        raise NotMath("more than one \\tag")
    return _parts(_mathml(TAG.sub("", latex), "block")), (tags[0] if tags else None)


def _parts(math: Element) -> str:
    """Cut where a line may end: at each wide space, and before the second = and those after it.

    On a screen that has the room all parts stand in one line, as if they were one equation.
    """
    parts, relations, gap = [ET.Element("mrow")], 0, False
    for child in math[0] if len(math) == 1 and math[0].tag == "mrow" else math:
        wide = child.tag == "mspace" and float(child.get("width", "0em")[:-2]) >= 1
        relation = child.tag == "mo" and child.text in RELATIONS
        if wide:
            gap = gap or len(parts[-1]) > 0
            relations = 0
            continue
        if gap or (relation and relations and len(parts[-1])):
            parts.append(ET.Element("mrow", {"class": "apart"} if gap else {}))
        parts[-1].append(child)
        relations, gap = relations + relation, False
    groups: list[list[str]] = [[]]
    for part in parts:
        if part.attrib.pop("class", None):
            groups.append([])
        row = ET.tostring(part, encoding="unicode")
        groups[-1].append(f'<math displaystyle="true">{row}</math>')
    return " ".join(f'<span class="group">{"<wbr>".join(group)}</span>' for group in groups)


def _mathml(latex: str, display: str) -> Element:
    bare = re.sub(r"\\[\\{}]", "", latex)
    if bare.count("{") != bare.count("}"):
        raise NotMath("its braces do not match")
    latex = re.sub(r"\\[a-z]+", lambda command: UNKNOWN.get(command[0], command[0]), latex)
    try:
        text = convert(latex.strip(), display=display)
    except Exception as error:  # whatever it meets: each kind of mistake has its own
        raise NotMath(f"{type(error).__name__} {error}".strip()) from None
    text = text.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")
    # \mathrm of one letter would be drawn slanted, as every single letter is
    text = re.sub(r"<mi>&#x000([4-7][0-9A-F]);</mi>", r'<mi mathvariant="normal">&#x\1;</mi>', text)
    try:
        math = ET.fromstring(text)
    except ET.ParseError:
        raise NotMath("it needs a \\begin that has not been given, or holds a lone &") from None
    _refuse(math)
    _letters(math)
    _mend(math)
    return math


def _refuse(math: Element) -> None:
    """Raise NotMath where LaTeX was handed through, or a part is missing."""
    for node in math.iter():
        if "\\" in (node.text or ""):
            raise NotMath(f"{node.text.strip()} is not known")
        if "&" in (node.text or ""):
            raise NotMath("a lone &")
        if node.tag in PARTS and len(node) != PARTS[node.tag]:
            raise NotMath(f"a part of it is missing ({node.tag})")
        if node.get("linebreak"):
            raise NotMath("a new line, \\\\, outside a matrix")
    if not any((node.text or "").strip() for node in math.iter()):
        raise NotMath("it is empty")


def _letters(math: Element) -> None:
    """Browsers draw bold and slanted only where the letter itself is bold or slanted."""
    for node in math.iter():
        text = node.text or ""
        if node.tag == "mo" and text in LETTERS:
            node.tag = "mi"
        elif node.tag == "mi" and text in OPERATORS:
            node.tag = "mo"
        elif node.tag == "mo" and len(text) > 1 and text.isalpha():  # max, as exp is already
            node.tag = "mi"
        elif node.tag == "mo" and text == "/":
            node.set("lspace", "0.05em")
            node.set("rspace", "0.05em")
        elif node.tag == "mspace" and node.get("width") == "negativethinmathspace":
            node.set("width", f"-{THIN}")
        if node.get("mathvariant", "").startswith("bold"):
            table = BOLD_DIGITS if node.tag == "mn" else BOLD_ITALIC
            if node.tag == "mtext":
                node.set("style", "font-weight: bold")
            elif node.get("mathvariant") == "bold-italic" or node.tag == "mn":
                node.text = "".join(table.get(c, c) for c in text)
            del node.attrib["mathvariant"]


def _mend(node: Element) -> None:
    """Rows, from the inside out."""
    for child in node:
        _mend(child)
    if node.tag == "msup" and node[1].text == "\u2032":  # a prime is high and small by itself
        node.tag, node[1].tag = "mrow", "mo"
        node[1].set("lspace", "0")
    if node.tag in SCRIPTS:
        for script in list(node)[1:]:
            for mo in script.iter("mo"):  # no room around signs as small as these
                mo.set("lspace", "0")
                mo.set("rspace", "0")
        if node.tag in BELOW and node[0].text in LIMITS | SUMS:
            node.tag = BELOW[node.tag]
            node[0].tag = "mo"
            node[0].set("movablelimits", "true")  # browsers see whether there is room
            if node[0].text in LIMITS:
                node[0].set("lspace", "0")
                node[0].set("rspace", "0")
    if node.tag in ("mrow", "math", "mtd", "msqrt"):
        _words(node)
        for mo in [c for c in node if c.tag == "mo" and not (c.text or "").strip()]:
            node.remove(mo)  # \left. and \right. draw nothing
        _fences(node)
        _signs(node)
        _functions(node)


def _words(row: Element) -> None:
    """\\mathrm{UAR}: three upright letters are one word."""
    kept: list[Element] = []
    for child in list(row):
        last = kept[-1] if kept else None
        if (
            child.get("mathvariant") == "normal"
            and last is not None
            and last.tag == "mi"
            and (last.get("mathvariant") == "normal" or last.get("class") == "word")
        ):
            last.text += child.text
            last.attrib.pop("mathvariant", None)
            last.set("class", "word")
            row.remove(child)
        else:
            kept.append(child)  # fmt: skip


def _fences(row: Element) -> None:
    """A matrix with its brackets becomes a row of its own, so that they stretch to it alone."""
    children = list(row)
    for i, table in enumerate(children[1:-1], start=1):
        left, right = children[i - 1], children[i + 1]
        if table.tag == "mtable" and left.tag == right.tag == "mo" and len(children) > 3:
            if left.text in ("(", "[", "|") and right.text in (")", "]", "|"):
                group = Element("mrow")
                row.insert(list(row).index(left), group)
                for part in (left, table, right):
                    row.remove(part)
                    group.append(part)
    bars = [c for c in row if c.tag == "mo" and c.text == "|" and c.get("form") is None]
    if len(bars) % 2 == 0:  # |x|: the first of two opens
        for i, bar in enumerate(bars):
            bar.set("form", ("prefix", "postfix")[i % 2])


def _signs(row: Element) -> None:
    """A minus that stands before a number and after nothing is a sign: no room on its right."""
    before = None
    for child in row:
        if child.tag == "mspace":
            continue
        if child.tag == "mo" and child.text in ("\u2212", "-", "+", "\u00b1"):
            closes = before is not None and (
                before.tag != "mo"
                or before.text in (")", "]", "}", "!", "\u232a")
                or before.get("form") == "postfix"
            )
            if not closes:
                child.set("form", "prefix")
                child.set("lspace", "0")
                child.set("rspace", "0")
        before = child


def _functions(row: Element) -> None:
    """ln 3: a thin space after the name of a function, and one before it."""
    for child in list(row):
        base = child[0] if child.tag in SCRIPTS else child
        if base.tag == "mrow" and len(base) == 1:
            base = base[0]
        name = base.text or ""
        if not (base.tag == "mi" and len(name) > 1 and name.isalpha()) and name not in LIMITS:
            continue
        place = list(row).index(child)
        after = row[place + 1] if place + 1 < len(row) else None
        if after is not None and after.tag not in ("mo", "mspace", "mtext"):
            inner = after[0] if after.tag == "mrow" and len(after) else after
            if inner.tag != "mo":
                row.insert(place + 1, Element("mspace", width=THIN))
        before = row[place - 1] if place else None
        if before is not None and before.tag not in ("mo", "mspace", "mtext"):
            row.insert(place, Element("mspace", width=THIN))

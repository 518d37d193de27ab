"""From an equation in LaTeX to MathML, which browsers draw without help.

latex2mathml translates. What it does not understand is refused here, because it would hand the
LaTeX through to the reader; and spaces are set as in a book, because a browser knows each operator
alone and would draw "2ln3 = - 1 / 2".
"""

import re
import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert

from minidann.reader import LessonError

TAG = re.compile(r"\\tag\{(\d+)\}")
PARTS = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3}
SCRIPTED = PARTS.keys() - {"mfrac"}
SIGNS = {"+", "\u2212", "\u00b1"}
TIGHT = {"/", "|", "\u2202", "\u2207", "\u221e", ""}  # no space around them; "" is \left.
THIN = "0.167em"


def inline(latex: str) -> str:
    """The MathML of an equation within a line of prose. Raises LessonError."""
    return ET.tostring(_mathml(latex, "inline"), encoding="unicode")


def block(latex: str) -> tuple[str, str]:
    """The MathML of an equation on a line of its own, and its number (from \\tag), if it has one.

    A narrow screen may begin a new line after a wide space, and before the second = and later ones.
    Raises LessonError.
    """
    number = "".join(TAG.findall(latex))
    latex = re.sub(r"\\(max|min|sum)_", r"\\\1\\limits_", TAG.sub("", latex))  # indices below
    parts = [Element("math", displaystyle="true")]
    for child in _mathml(latex, "block")[0]:
        wide = any(last.get("width") in ("1em", "2em") for last in parts[-1][-1:])
        again = child.text == "=" and any(earlier.text == "=" for earlier in parts[-1])
        if wide or again:
            parts.append(Element("math", displaystyle="true"))
        parts[-1].append(child)
    return "<wbr>".join(ET.tostring(part, encoding="unicode") for part in parts), number


def _mathml(latex: str, display: str) -> Element:
    if latex.replace(r"\{", "").count("{") != latex.replace(r"\}", "").count("}"):
        raise LessonError(f"equation {latex}: its braces do not match")
    try:  # in \mathrm each letter would be a word
        text = convert(latex.strip().replace(r"\mathrm", r"\operatorname"), display=display)
        math = ET.fromstring(text.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
    except Exception as error:  # the translator has a kind of its own for each mistake
        raise LessonError(f"equation {latex}: {type(error).__name__} {error}".strip()) from None
    for node in math.iter():
        if "\\" in (node.text or ""):
            raise LessonError(f"equation {latex}: {node.text} is not known")
        if len(node) != PARTS.get(node.tag, len(node)):
            raise LessonError(f"equation {latex}: a part of it is missing")
    _space(math, small=False)
    return math


def _space(parent: Element, small: bool) -> None:
    """Set the space around signs, operators and the names of functions; `small`: in a script."""
    before = None
    for i, child in enumerate(parent):
        script = small or (i > 0 and parent.tag in SCRIPTED)
        _space(child, script)
        core = child[0] if child.tag in SCRIPTED else child  # the log of log_2
        text = core.text or ""
        name = len(text) > 1 and text.isalpha() and core.tag in ("mi", "mo")
        if name or text in SIGNS:
            core.tag = "mo"
        # A sign is a minus, say, before a number and after nothing that it could be taken from.
        opens = before is None or (before.tag == "mo" and before.text not in (")", "]", "|"))
        if name:
            after = parent[i + 1].text if i + 1 < len(parent) else "("
            core.set("lspace", "0" if opens else THIN)
            core.set("rspace", "0" if after == "(" else THIN)
        elif core.tag == "mo" and (script or text in TIGHT or (opens and text in SIGNS)):
            core.set("lspace", "0")
            core.set("rspace", "0")
        before = child

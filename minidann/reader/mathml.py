"""From an equation in LaTeX to MathML, which browsers draw without help.

latex2mathml translates. What it does not understand is refused here, because it would hand the
LaTeX through to the reader; and spaces are set as in a book, because a browser knows each operator
alone and would draw "2ln3 = - 1 / 2".
"""

import re
import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert

from minidann.console import UserError

TAG = re.compile(r"\\tag\{(\d+)\}")  # the number of an equation
SCRIPTED = ("msub", "msup", "mover", "munder", "msubsup", "munderover")
SIGNS = {"+", "\u2212", "\u00b1"}
TIGHT = {"/", "|", "\u2202", "\u2207", "\u221e", ""}  # no space around them; "" is \left.
THIN = "0.167em"


def mathml(latex: str, display: str) -> str:
    """The MathML of an equation, without its number: "inline" within a line of prose, or "block".

    Raises UserError.
    """
    text = TAG.sub("", latex).strip().replace(r"\mathrm", r"\operatorname")  # no word a letter
    if display == "block":  # indices below
        text = re.sub(r"\\(max|min|sum)_", r"\\\1\\limits_", text)
    try:
        xml = convert(text, display=display)
        math = ET.fromstring(xml.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
    except Exception as error:  # the translator has a kind of its own for each mistake
        raise UserError(f"equation {latex}: {type(error).__name__} {error}".strip()) from None
    for node in math.iter():
        if "\\" in (node.text or ""):
            raise UserError(f"equation {latex}: {node.text} is not known")
    _space(math, small=False)
    return ET.tostring(math, encoding="unicode")


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

"""From an equation in LaTeX to MathML, which browsers draw without help.

latex2mathml translates. What it does not understand is refused here, because it would hand the
LaTeX through to the reader; and some spaces are set as in a book, because a browser would draw
"2ln3 = - 1 / 2".
"""

import re
import xml.etree.ElementTree as ET

from latex2mathml.converter import convert

from minidann.console import UserError

TAG = re.compile(r"\\tag\{(\d+)\}")  # the number of an equation
SPACES = {  # patterns in MathML, and what takes their place
    # the name of a function, before a bracket and elsewhere
    r"<m[io]>([^\W\d_]{2,})</m[io]>(?=<mo[^>]*>\()": r'<mo lspace="0.167em" rspace="0">\1</mo>',
    r"<m[io]>([^\W\d_]{2,})</m[io]>": r'<mo lspace="0.167em" rspace="0.167em">\1</mo>',
    "<mi>\u00b1</mi>": "<mo>\u00b1</mo>",
    # a minus, say, before a number and after nothing that it could be taken from
    r"(<mo[^>]*>[^)\]|<]+</mo>)<mo>([+\u2212\u00b1])": r'\1<mo form="prefix">\2',
    r"<mo([^>]*)>([/|\u2202\u2207\u221e]</mo>)": r'<mo\1 lspace="0" rspace="0">\2',
    r"<mo([^>]*) />": r'<mo\1 lspace="0" rspace="0" />',  # \left.
}


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
    xml = ET.tostring(math, encoding="unicode")
    for pattern, spaced in SPACES.items():
        xml = re.sub(pattern, spaced, xml)
    return xml

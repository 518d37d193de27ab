// The pane of code follows the text; on a phone it is a sheet. Without this script all can be read.
"use strict";

const root = document.documentElement;
root.classList.add("js");

// Light or dark: as the system says, until the button says otherwise. A page opened from a file may
// be refused its storage; then the choice holds for this page.
function remembered() {
  try { return localStorage.getItem("minidann-theme"); } catch { return null; }
}
function remember(theme) {
  try { localStorage.setItem("minidann-theme", theme); } catch { /* for this page, then */ }
}
if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();

function toggleTheme() {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  remember(root.dataset.theme);
}

// Copying. The second way is for browsers that keep the clipboard from pages opened from a file.
async function copy(button) {
  const text = button.parentElement.querySelector("pre").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = "copied";
  button.classList.add("done");
  setTimeout(() => { button.textContent = "copy"; button.classList.remove("done"); }, 1500);
}

class Pane {
  constructor(element) {
    this.element = element;
    this.scroller = element.querySelector(".files");
    this.files = new Map([...element.querySelectorAll(".file")].map((f) => [f.dataset.path, f]));
    this.select = element.querySelector("select");
    this.followButton = element.querySelector(".follow");
    this.following = true;
    this.quotes = [...document.querySelectorAll(".quote")];
    this.passed = new Set(); // quotes whose top has come above the line where one reads
    this.opener = null; // what opened the sheet, to give the focus back to
  }

  // Show `path` with its `lines`, as "3-9 12-12"; none: from the top.
  show(path, lines = "") {
    const file = this.files.get(path);
    const same = !file.hidden;
    for (const other of this.files.values()) other.hidden = other !== file;
    this.select.value = path;
    for (const line of this.scroller.querySelectorAll(".lit")) line.classList.remove("lit");
    const all = file.querySelectorAll(".l");
    const lit = [];
    for (const range of lines.split(" ").filter(Boolean)) {
      const [first, last] = range.split("-").map(Number);
      for (let i = first; i <= last; i++) lit.push(all[i - 1]);
    }
    for (const line of lit) line.classList.add("lit");
    const ranges = lines.split(" ").map((r) => r.replace(/^(\d+)-\1$/, "$1").replace("-", "\u2013"));
    this.element.querySelector(".lit-lines").textContent =
      lines ? `${lit.length === 1 ? "line" : "lines"} ${ranges.join(", ")}` : "";
    this.scrollTo(lit, same);
  }

  // The lit lines in the middle; where they are too many, the first of them near the top.
  scrollTo(lit, smoothly) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const behavior = smoothly && !calm ? "smooth" : "instant";
    if (!lit.length) return this.scroller.scrollTo({ top: 0, left: 0, behavior });
    const box = this.scroller.getBoundingClientRect();
    const top = lit[0].getBoundingClientRect().top - box.top + this.scroller.scrollTop;
    const height = lit.at(-1).getBoundingClientRect().bottom - lit[0].getBoundingClientRect().top;
    const margin = Math.max(24, (box.height - height) / 3);
    this.scroller.scrollTo({ top: Math.max(0, top - margin), left: 0, behavior });
  }

  showQuote(quote) {
    for (const other of this.quotes) {
      other.classList.toggle("current", other === quote);
      const caption = other.querySelector(".where");
      if (other === quote) caption.setAttribute("aria-current", "true");
      else caption.removeAttribute("aria-current");
    }
    this.quote = quote;
    this.show(quote.dataset.file, quote.dataset.lines);
  }

  follow(yes) {
    this.following = yes;
    this.followButton.setAttribute("aria-pressed", String(yes));
    this.followButton.textContent = yes ? "follows the text" : "pinned: follow the text again";
    if (yes) this.toReading();
  }

  // The quote that is being read: the last whose top has passed a line just below the middle.
  toReading() {
    const reading = this.quotes.filter((quote) => this.passed.has(quote)).at(-1) ?? this.quotes[0];
    if (this.following && reading && reading !== this.quote) this.showQuote(reading);
  }

  watch() {
    const observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.passed.add(target);
        else this.passed.delete(target);
      }
      this.toReading();
    }, { rootMargin: "1000000px 0px -45% 0px" });
    for (const quote of this.quotes) observer.observe(quote);
  }

  open(opener) {
    if (getComputedStyle(this.element).position !== "fixed") return;
    document.body.classList.add("sheet-open");
    this.opener = opener;
    const covered = opener.getBoundingClientRect().bottom > this.element.getBoundingClientRect().top;
    if (covered) opener.scrollIntoView({ block: "start" });
    this.element.querySelector(".close").focus({ preventScroll: true });
  }

  close() {
    if (!document.body.classList.contains("sheet-open")) return;
    document.body.classList.remove("sheet-open");
    this.opener?.focus({ preventScroll: true });
  }

  listen() {
    document.addEventListener("click", (event) => {
      const link = event.target.closest(".where, a.source");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.follow(false);
      this.open(link);
      const quote = link.closest(".quote");
      if (quote) this.showQuote(quote);
      else this.showFile(link.dataset.file);
    });
    this.select.addEventListener("change", () => {
      this.follow(false);
      this.showFile(this.select.value);
    });
    this.followButton.addEventListener("click", () => this.follow(!this.following));
    this.element.querySelector(".close").addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
  }

  showFile(path) {
    this.quote?.classList.remove("current");
    this.quote = null;
    this.show(path);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".theme").addEventListener("click", toggleTheme);
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", () => copy(button));
  }
  for (const button of document.querySelectorAll(".more")) {
    const all = button.textContent;
    button.addEventListener("click", () => {
      const open = button.closest(".quote").classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
      button.textContent = open ? "fold" : all;
    });
  }
  const element = document.querySelector(".pane");
  if (!element) return;
  const pane = new Pane(element);
  for (const file of pane.files.values()) file.hidden = true;
  if (pane.quotes.length) pane.showQuote(pane.quotes[0]);
  else pane.show(pane.files.keys().next().value);
  pane.watch();
  pane.listen();
});

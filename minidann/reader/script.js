// The pane of code follows the text; on a narrow screen it is a sheet that a link to code opens.
// Without this script, all files are in the pane, one below the other.
"use strict";

document.body.classList.add("live");

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.nextElementSibling.textContent);
    button.textContent = "copied";
  });
}

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});

const pane = document.querySelector(".pane");
const closePane = () => document.body.classList.remove("sheet");

// Show a file, with some of its lines lit, the place `hash` in the upper half of the pane.
function show(hash, lit = []) {
  const [path, number] = hash.slice(1).split(":");
  for (const old of pane.querySelectorAll(".shown, .lit")) old.classList.remove("shown", "lit");
  pane.querySelector("select").value = path;
  document.getElementById(path).classList.add("shown");
  for (const link of lit) document.getElementById(link.hash.slice(1)).classList.add("lit");

  const scroller = pane.querySelector(".files");
  scroller.scrollTo(0, 0);
  if (!number) return;
  const top = (hash) => document.getElementById(hash.slice(1)).getBoundingClientRect().top;
  const height = lit.length ? top(lit.at(-1).hash) - top(hash) + 24 : 24;
  const margin = Math.max(24, (scroller.clientHeight - height) / 3);
  scroller.scrollTo(0, top(hash) - scroller.getBoundingClientRect().top - margin);
}

function showLink(link) {
  const quote = link.closest(".quote");
  for (const old of document.querySelectorAll(".current")) old.classList.remove("current");
  quote?.classList.add("current");
  show(link.hash, [...(quote?.querySelectorAll(".line") ?? [])]);
}

// The quote that is being read: the last whose top has passed a line just below the middle.
function follow() {
  const quotes = [...document.querySelectorAll(".quote")];
  const passed = new Set();
  let reading = null;
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) passed.add(target);
      else passed.delete(target);
    }
    const quote = quotes.filter((quote) => passed.has(quote)).at(-1) ?? quotes[0];
    if (quote !== reading) showLink(quote.querySelector(".source"));
    reading = quote;
  }, { rootMargin: "1000000px 0px -45% 0px" });
  for (const quote of quotes) observer.observe(quote);
}

if (pane) {
  for (const link of document.querySelectorAll(".source, .line")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.body.classList.add("sheet");
      link.scrollIntoView({ block: "nearest" });
      showLink(link);
    });
  }
  pane.querySelector("select").addEventListener("change", (event) => show(`#${event.target.value}`));
  pane.querySelector(".close").addEventListener("click", closePane);
  show(`#${pane.querySelector("select").value}`);
  follow();
}

// The keys, which the end of each page lists.
const headings = [...document.querySelectorAll("main :is(h2, h3)")];
const margin = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
const below = (heading) => heading.getBoundingClientRect().top - margin;
const keys = {
  j: () => headings.find((heading) => below(heading) > 2)?.scrollIntoView(),
  k: () => (headings.findLast((heading) => below(heading) < -2) ?? document.body).scrollIntoView(),
  n: () => document.querySelector("[rel=next]")?.click(),
  p: () => document.querySelector("[rel=prev]")?.click(),
  Escape: closePane,
};
addEventListener("keydown", (event) => {
  const typed = event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select");
  if (!typed && Object.hasOwn(keys, event.key)) keys[event.key]();
});

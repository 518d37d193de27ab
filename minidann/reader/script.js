// The pane of code follows the text; on a narrow screen it is a sheet that a link to code opens.
"use strict";

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.nextElementSibling.textContent);
    button.textContent = "copied";
  });
}

const pane = document.querySelector(".pane");

// Show the file `path`, with its lines `lit` ("3 4 9") in the middle; without any, from the top.
function show(path, lit = "") {
  for (const old of pane.querySelectorAll(".shown, .lit")) old.classList.remove("shown", "lit");
  pane.querySelector("select").value = path;
  const file = document.getElementById(path);
  file.classList.add("shown");
  const all = file.querySelectorAll("code > span");
  const lines = lit.split(" ").filter(Boolean).map((number) => all[number - 1]);
  for (const line of lines) line.classList.add("lit");

  const scroller = pane.querySelector(".files");
  scroller.scrollTo(0, 0);
  if (!lines.length) return;
  const top = lines[0].getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  const height = lines.at(-1).getBoundingClientRect().bottom - lines[0].getBoundingClientRect().top;
  scroller.scrollTo(0, top - Math.max(24, (scroller.clientHeight - height) / 3));
}

function showLink(link) {
  const quote = link.closest(".quote");
  for (const old of document.querySelectorAll(".current")) old.classList.remove("current");
  quote?.classList.add("current");
  show(link.hash.slice(1), quote?.dataset.lines);
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
  for (const link of document.querySelectorAll("a.source")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.body.classList.add("sheet");
      link.scrollIntoView({ block: "nearest" });
      showLink(link);
    });
  }
  pane.querySelector("select").addEventListener("change", (event) => show(event.target.value));
  const close = () => document.body.classList.remove("sheet");
  pane.querySelector(".close").addEventListener("click", close);
  show(pane.querySelector("select").value);
  follow();
}

"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const player = one("#player");
const track = one("#track");
const scroll = one("#scroll");
const rows = new Map(all(".row").map((row) => [Number(row.dataset.i), row]));
const blocks = new Map(all("#track g[data-i]").map((block) => [Number(block.dataset.i), block]));
const order = [...rows.keys()];
let chosen = order[0];
let stopAt = null;
let source = 0;
let zoom = 1;

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function choose(number) {
  for (const marked of all(".on")) marked.classList.remove("on");
  rows.get(chosen).tabIndex = -1;
  chosen = number;
  const row = rows.get(number);
  row.tabIndex = 0;
  row.classList.add("on");
  const block = blocks.get(number);
  block.classList.add("on");
  const box = block.getBoundingClientRect();
  const seen = scroll.getBoundingClientRect();
  if (box.left < seen.left || box.right > seen.right) {
    scroll.scrollLeft += box.left - seen.left - seen.width / 3;
  }
  describe(number);
  // The page of `synctva app`, which contains this one in a frame, explains the chosen utterance.
  if (parent !== window) parent.postMessage({chosen: number}, "*");
}

function describe(number) {
  const row = rows.get(number);
  const said = data.utterances[number];
  one("#where").textContent = [one(".when", row).textContent, one(".who", row)?.textContent]
    .filter(Boolean).join(" · ");
  one("#words").textContent = one(".words", row).textContent;
  one("#felt").textContent = said.felt;
  one("#notes").replaceChildren(...said.notes.map((note) => element("li", note)));
  const scores = said.scores.map(([label, score]) => {
    const line = document.createElement("tr");
    const bar = document.createElement("meter");
    bar.max = 1;
    bar.value = score;
    bar.ariaHidden = "true";
    const cell = document.createElement("td");
    cell.append(bar);
    const head = element("th", label);
    head.scope = "row";
    line.append(head, cell, element("td", score.toFixed(3)));
    return line;
  });
  one("#scores").replaceChildren(...scores);
  one("#facts").replaceChildren(...said.facts.map((fact) => element("li", fact)));
}

function play(number) {
  choose(number);
  const said = data.utterances[number];
  if (!player || said.media === null) return;
  stopAt = said.end;
  const start = () => {
    player.currentTime = said.start ?? 0;
    player.play().catch(() => {});
  };
  if (source !== said.media || !player.src) load(said.media);
  if (player.readyState > 0) start();
  else player.addEventListener("loadedmetadata", start, {once: true});
}

function load(number) {
  source = number;
  player.src = data.media[number].address;
  one("#recording").textContent = data.media[number].name;
  one("#lost").hidden = true;
}

function follow() {
  const now = player.currentTime;
  if (stopAt !== null && now >= stopAt) {
    player.pause();
    stopAt = null;
  }
  for (const marked of all(".now")) marked.classList.remove("now");
  for (const [number, said] of data.utterances.entries()) {
    if (said.media === source && said.start <= now && now < said.end && !player.paused) {
      rows.get(number).classList.add("now");
      blocks.get(number).classList.add("now");
    }
  }
  const head = one("#playhead");
  head.hidden = !data.length;
  if (data.length) head.style.left = `${Math.min(now / data.length, 1) * 100}%`;
  if (!player.paused) requestAnimationFrame(follow);
}

function setZoom(wanted) {
  const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / track.clientWidth;
  zoom = Math.min(Math.max(wanted, 1), data.finest);
  track.style.width = `${zoom * 100}%`;
  const width = track.clientWidth;
  scroll.scrollLeft = middle * width - scroll.clientWidth / 2;
  for (const mark of all("[data-zoom]")) {
    mark.classList.toggle("hidden", Number(mark.dataset.zoom) > zoom);
  }
  for (const block of blocks.values()) {
    const room = one(".all", block).width.baseVal.valueInSpecifiedUnits * width / 100;
    block.classList.toggle("narrow", room < 9 * one("text", block).textContent.length);
  }
  one("#closer").disabled = zoom >= data.finest;
  one("#wider").disabled = zoom <= 1;
}

function step(by) {
  const place = Math.min(Math.max(order.indexOf(chosen) + by, 0), order.length - 1);
  choose(order[place]);
}

const moves = {ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10,
  Home: -Infinity, End: Infinity};

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-i]");
  if (target) play(Number(target.dataset.i));
});
one("#transcript").addEventListener("keydown", (event) => {
  if (!(event.key in moves) || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  step(moves[event.key]);
  rows.get(chosen).focus();
});
scroll.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") play(chosen);
  else if (event.key in moves) step(moves[event.key]);
  else return;
  event.preventDefault();
});
one("#closer").addEventListener("click", () => setZoom(zoom * 2));
one("#wider").addEventListener("click", () => setZoom(zoom / 2));
if (player) {
  player.addEventListener("play", () => requestAnimationFrame(follow));
  player.addEventListener("timeupdate", follow);
  player.addEventListener("error", () => { one("#lost").hidden = false; });
  player.addEventListener("loadedmetadata", () => {
    player.classList.toggle("sound", !player.videoWidth);
  });
  // Who moves through the recording by hand wants to hear more than one utterance.
  player.addEventListener("seeking", () => {
    const said = data.utterances[chosen];
    if (Math.abs(player.currentTime - (said.start ?? 0)) > 0.01) stopAt = null;
  });
  load(data.utterances[chosen].media ?? 0);
}
one("#tools").hidden = false;
choose(chosen);
let fitting = 1;
const width = scroll.clientWidth;
while (fitting < data.finest && data.typical * width * fitting < 16) fitting *= 2;
setZoom(fitting);
scroll.scrollLeft = 0;
new ResizeObserver(() => setZoom(zoom)).observe(scroll);

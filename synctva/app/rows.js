// The list of utterances: one is chosen, by a click or by the arrow keys.
const buttons = () => [...element.querySelectorAll("[data-utterance]")];
function choose(button) {
  for (const one of buttons()) {
    one.setAttribute("aria-current", one === button);
    one.tabIndex = one === button ? 0 : -1;
  }
  trigger("select", {utterance: Number(button.dataset.utterance)});
}
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-utterance]");
  if (button) choose(button);
});
element.addEventListener("keydown", (event) => {
  const by = {ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity}[event.key];
  if (!by || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const all = buttons();
  const place = all.indexOf(document.activeElement) + by;
  all[Math.min(Math.max(place, 0), all.length - 1)].focus();
});
watch("value", () => {
  const list = element.querySelector("ol");
  const button = element.querySelector("[aria-current=true]");
  if (button) list.scrollTop = button.offsetTop - list.offsetTop - list.clientHeight / 3;
});

// The report lies in a frame that cannot reach this page; it only says which utterance is chosen.
let last = 0;
watch("value", () => { last = 0; });
window.addEventListener("message", (event) => {
  const frame = element.querySelector("iframe");
  if (!frame || event.source !== frame.contentWindow) return;
  const chosen = event.data?.chosen;
  if (!Number.isInteger(chosen) || chosen === last) return;
  last = chosen;
  trigger("select", {utterance: chosen});
});

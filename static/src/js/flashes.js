// Flash messages: plain good news leaves by itself; a warning, an error or an undo stays until it is closed.

const SECONDS_SHOWN = 8;

/** Lets a message leave after a while, but not while somebody points at it or has the focus in it. */
function leaveLater(flash) {
  let timer = 0;
  const start = () => {
    timer = window.setTimeout(() => flash.remove(), SECONDS_SHOWN * 1000);
  };
  const stop = () => window.clearTimeout(timer);
  flash.addEventListener("pointerenter", stop);
  flash.addEventListener("pointerleave", start);
  flash.addEventListener("focusin", stop);
  flash.addEventListener("focusout", start);
  start();
}

/** Shows the words that the page carries for the case that the server can't be reached. */
function showOffline(region) {
  const words = document.getElementById("flash-offline");
  if (!words || region.querySelector("[data-offline]")) return;
  region.append(words.content.cloneNode(true));
}

/** Wires the region #flashes: closing, leaving, messages that htmx adds later, and failed requests. */
export function startFlashes() {
  const region = document.getElementById("flashes");
  if (!region) return;

  const watch = (node) => {
    if (node instanceof Element && node.matches("[data-leaves]")) leaveLater(node);
  };
  for (const flash of region.children) watch(flash);
  new MutationObserver((changes) => {
    for (const change of changes) change.addedNodes.forEach(watch);
  }).observe(region, { childList: true });

  region.addEventListener("click", (event) => {
    if (!event.target.closest("[data-closes-flash]")) return;
    event.target.closest(".flash")?.remove();
    document.getElementById("main")?.focus();
  });
  document.addEventListener("htmx:error", () => showOffline(region));
}

// A wait after too many wrong tries: counts down beside the time that the page shows, holds the button meanwhile, and says when it is over.

const DIGITS = 2;

const left = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(DIGITS, "0")}`;

function count(wait, until, buttons) {
  const seconds = Math.ceil((until - Date.now()) / 1000);
  if (seconds > 0) {
    wait.querySelector("[data-wait-left]").hidden = false;
    wait.querySelector("[data-wait-left] .num").textContent = left(seconds);
    return true;
  }
  wait.querySelector("span").textContent = wait.dataset.over;
  // Read out once, when it is over, and not each second.
  wait.setAttribute("role", "status");
  for (const button of buttons) button.disabled = false;
  return false;
}

/** Starts the count on pages that have one. */
export function startWaiting() {
  for (const wait of document.querySelectorAll("[data-waits-until]")) {
    const until = Date.parse(wait.dataset.waitsUntil);
    const buttons = [...(wait.closest("form")?.querySelectorAll(".btn-primary") ?? [])];
    for (const button of buttons) button.disabled = true;
    const timer = window.setInterval(() => count(wait, until, buttons) || window.clearInterval(timer), 1000);
    if (!count(wait, until, buttons)) window.clearInterval(timer);
  }
}

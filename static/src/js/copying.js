// Values to take elsewhere: a button with data-copies="id" copies the words of that element, and says so for a moment.

const SECONDS_SAID = 2;

/** Copies where the browser lets a page; where it doesn't (a page without HTTPS), marks the words so that a key press can. */
async function copy(words) {
  try {
    await navigator.clipboard.writeText(words.textContent.trim());
    return true;
  } catch {
    window.getSelection()?.selectAllChildren(words);
    return false;
  }
}

/** Shows the copying buttons, which without a script would do nothing, and wires them. */
export function startCopying() {
  for (const button of document.querySelectorAll("[data-copies]")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copies]");
    const words = button && document.getElementById(button.dataset.copies);
    if (!words || !(await copy(words))) return;
    const label = button.querySelector("span");
    const before = label.textContent;
    label.textContent = button.dataset.done;
    window.setTimeout(() => {
      label.textContent = before;
    }, SECONDS_SAID * 1000);
  });
}

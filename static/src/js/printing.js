// A button with data-prints prints the page; without a script it stays hidden.

/** Shows and wires the printing buttons. */
export function startPrinting() {
  for (const button of document.querySelectorAll("[data-prints]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
}

// <dialog>: a button with data-opens="id" opens it, one with data-closes-dialog closes it. The browser keeps
// the focus inside, closes on Escape, and gives the focus back to the button.

/** Wires every opening and closing button, also those that come later. */
export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
      return;
    }
    event.target.closest?.("[data-closes-dialog]")?.closest("dialog")?.close();
  });
}

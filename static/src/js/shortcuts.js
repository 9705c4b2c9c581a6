// A field with data-shortcut="/" takes the focus when that key is pressed and nothing is being typed.

/** Moves the focus to the field whose key was pressed. */
export function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    const field = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
    // Not the one that a narrow page hides.
    if (!field?.offsetParent) return;
    event.preventDefault();
    field.focus();
  });
}

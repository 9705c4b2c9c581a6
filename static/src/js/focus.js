// Where the focus goes: to what went wrong, to the result of an action, and to the search box on "/".

/** Moves the focus to the first thing in `root` that asks for it; a heading or box needs tabindex="-1" for that. */
function focusResult(root) {
  const wanted = root.matches("[data-takes-focus]") ? root : root.querySelector("[data-takes-focus]");
  wanted?.focus();
}

/** Says whether a key press belongs to something the person is typing in. */
function isTyping(node) {
  return node instanceof HTMLElement && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
}

/** Starts focus management for the first page and for every fragment that htmx puts in. */
export function startFocus() {
  focusResult(document.body);

  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail?.ctx?.target ?? event.target;
    // After an outer swap the old target has left the page; its successor carries the same id.
    const root = target?.isConnected ? target : target?.id && document.getElementById(target.id);
    if (root instanceof Element) focusResult(root);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
  });
}

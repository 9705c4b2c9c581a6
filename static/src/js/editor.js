// The editor of messages: merge tags at the caret, files that upload when chosen, previews that follow their
// controls, and blocks moved by mouse or touch. By keyboard, and without a script, the buttons do the same.
import Sortable from "sortablejs";

/** Puts a merge tag where the caret is, and lets the page notice as if it had been typed. */
function insert(button) {
  const field = document.getElementById(button.dataset.into);
  if (!field) return;
  field.setRangeText(button.dataset.inserts, field.selectionStart, field.selectionEnd, "end");
  button.closest("details")?.removeAttribute("open");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Presses a button of this form that says what to do. */
function command(form, value) {
  const button = document.createElement("button");
  Object.assign(button, { type: "submit", name: "command", value, hidden: true });
  form.append(button);
  form.requestSubmit(button);
}

/** Lets blocks be dragged by their handles; where one is dropped, the page saves the new order. */
function startSorting(list) {
  for (const handle of list.querySelectorAll("[data-handle]")) handle.hidden = false;
  Sortable.create(list, {
    handle: "[data-handle]",
    animation: 120,
    onEnd: ({ oldIndex, newIndex }) => {
      if (oldIndex !== newIndex) command(list.closest("form"), `move:${oldIndex}:${newIndex}`);
    },
  });
}

/**
 * Lets one save go at a time: a button waits for what is being saved by itself, and once the page leaves nothing more is
 * saved by itself. Else what was typed before could overwrite what the button did.
 */
function startTakingTurns() {
  const running = new Set();
  let held = null;
  let leaving = false;
  const savesByItself = (event) => event.target.id === "side";
  document.addEventListener("htmx:before:request", (event) => {
    if (!savesByItself(event)) return;
    if (leaving) event.preventDefault();
    else running.add(event.detail.ctx);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (!savesByItself(event)) return;
    running.delete(event.detail.ctx);
    if (!held || running.size > 0) return;
    const button = held;
    held = null;
    button.form.requestSubmit(button);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "content") return;
    if (running.size > 0) {
      event.preventDefault();
      held = event.submitter;
    } else {
      leaving = true;
    }
  });
  window.addEventListener("pageshow", () => {
    leaving = false;
  });
}

/** Wires every editor of the page. */
export function startEditor() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-inserts]");
    if (button) insert(button);
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.matches?.("[data-submits]")) field.form.requestSubmit();
    if (field.matches?.("[data-uploads]") && field.files.length) document.getElementById(field.dataset.uploads)?.click();
  });
  startTakingTurns();
  for (const list of document.querySelectorAll("[data-sorts]")) startSorting(list);
}

// On a narrow screen the sidebar slides in over the page; what lies under it can't be reached meanwhile.

/** Wires the button [data-toggles-sidebar], the Escape key, and clicks beside the open sidebar. */
export function startSidebar() {
  const sidebar = document.getElementById("sidebar");
  const button = document.querySelector("[data-toggles-sidebar]");
  const page = document.getElementById("page");
  if (!sidebar || !button || !page) return;

  const show = (open) => {
    sidebar.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
    page.inert = open;
    if (open) (sidebar.querySelector("[aria-current=page]") ?? sidebar.querySelector("a"))?.focus();
    else button.focus();
  };
  const isOpen = () => sidebar.classList.contains("open");

  button.addEventListener("click", () => show(!isOpen()));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen()) show(false);
  });
  document.addEventListener("click", (event) => {
    if (isOpen() && !sidebar.contains(event.target) && !button.contains(event.target)) show(false);
  });
  // A screen that grew wide (a turned tablet) shows the sidebar anyway: give the page back.
  window.matchMedia("(min-width: 901px)").addEventListener("change", (wide) => {
    if (wide.matches && isOpen()) show(false);
  });
}

// What asks by itself asks nothing while nobody looks: a hidden tab sends no request until it is seen again.

/** Drops requests that say of themselves that they poll (X-Polling) while the page is hidden. */
export function startPolling() {
  document.addEventListener("htmx:before:request", (event) => {
    if (document.hidden && event.detail?.ctx?.request?.headers?.["X-Polling"]) event.preventDefault();
  });
}

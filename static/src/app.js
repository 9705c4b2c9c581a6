// The script of every staff page. Pages work without it; it saves steps for those who have it.
//
// htmx is configured in templates/base.html by <meta name="htmx-config">: it adds no style sheet of its own
// and only the plain `hx-` prefix is read. It evaluates code only for `hx-on`, `js:` values and trigger
// filters in brackets; none is used, and the Content Security Policy would refuse it.
import "htmx.org";

import { startCopying } from "./js/copying.js";
import { startDialogs } from "./js/dialogs.js";
import { startEditor } from "./js/editor.js";
import { startFlashes } from "./js/flashes.js";
import { startFocus } from "./js/focus.js";
import { startMenus } from "./js/menus.js";
import { startPasskeys } from "./js/passkeys.js";
import { startPolling } from "./js/polling.js";
import { startPrinting } from "./js/printing.js";
import { startSession } from "./js/session.js";
import { startShortcuts } from "./js/shortcuts.js";
import { startSidebar } from "./js/sidebar.js";
import { startWaiting } from "./js/waiting.js";

startSidebar();
startShortcuts();
startMenus();
startFocus();
startFlashes();
startDialogs();
startEditor();
startPolling();
startCopying();
startPasskeys();
startPrinting();
startWaiting();
startSession();

// The end of a session, as far as a page has to do with it: a warning before, a cover after, and nothing typed is lost.
//
// The server decides; here is only what it last said. Tabs of one browser tell each other, so that what is done in one of them
// quiets the others. Nothing here keeps anybody signed in by itself: only a press or a key does.

const SECOND = 1000;
// Whoever typed so shortly ago is there, and needs no question.
const JUST_NOW = 30 * SECOND;
// A form that is sent so long after the last word from the server asks first whether it would be heard.
const STALE = 20 * SECOND;
// How often a covered page that is looked at asks whether its person is back: often at first.
const SOON = 3 * SECOND;
const LATER = 15 * SECOND;
const SOON_LASTS = 120 * SECOND;
const LEFT_HEADER = "X-Session-Left";

class Session {
  constructor(root) {
    this.root = root;
    this.warning = document.getElementById("session-ends");
    this.cover = document.getElementById("session-over");
    this.mark = root.dataset.session;
    this.warn = Number(root.dataset.warn) * SECOND;
    this.covered = false;
    this.meant = false;
    this.typedAt = 0;
    this.askedAt = 0;
    this.title = document.title;
    // The end that was warned of and can't be moved: nobody is told twice.
    this.told = 0;
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel("wellsent-session") : null;
    this.know(Number(root.dataset.idle), Number(root.dataset.longest));
    this.tell();
  }

  /** Keeps what the server said: so many seconds until each end. */
  know(idle, longest) {
    const now = Date.now();
    this.heardAt = now;
    this.idleEnds = now + idle * SECOND;
    this.longestEnds = now + longest * SECOND;
  }

  /** Tells the other tabs. */
  tell() {
    this.channel?.postMessage({ mark: this.mark, idleEnds: this.idleEnds, longestEnds: this.longestEnds });
  }

  get ends() {
    return Math.min(this.idleEnds, this.longestEnds);
  }

  /** Asks the server, or by POST asks it to go on; whatever the answer is, the page follows it. */
  async ask(method = "GET") {
    this.askedAt = Date.now();
    const headers = { "X-Page": this.root.dataset.page };
    if (method === "POST") headers["X-CSRFToken"] = this.root.querySelector("[name=csrfmiddlewaretoken]").value;
    else headers["X-Polling"] = "1";
    let answer;
    try {
      answer = await fetch(this.root.dataset.url, { method, headers, cache: "no-store", redirect: "error" });
    } catch {
      // Away: nobody knows, and a covered page stays covered.
      return "";
    }
    // A token of a session before this one is refused; reading tells what is true now.
    if (!answer.ok) return method === "POST" ? this.ask() : "";
    const said = await answer.json();
    if (said.who === "same") this.goOn(said);
    else if (said.who === "another") this.giveWay();
    else this.hide();
    return said.who;
  }

  /** The same person is signed in: forms get the present token, and the page is theirs. */
  goOn({ idle, longest, session, token }) {
    this.mark = session;
    this.know(idle, longest);
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
    document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRFToken": token }));
    // In its last second a session is still one; it isn't worth uncovering a page for.
    if (idle <= 0 || longest <= 0) return;
    if (this.covered) {
      this.covered = false;
      document.body.classList.remove("covered");
      document.title = this.title;
      this.cover.close();
      flash("flash-back");
    }
    this.tell();
  }

  /** Somebody else is signed in: nothing of the one before stays, and the page says why. */
  giveWay() {
    this.hide();
    sessionStorage.setItem("another", "1");
    location.replace("/");
  }

  /** Covers the page. What was typed stays beneath, out of sight and out of reach. */
  hide() {
    this.unwarn();
    if (this.covered) return;
    this.covered = true;
    this.hiddenAt = Date.now();
    this.title = document.title;
    document.title = this.cover.dataset.title;
    document.body.classList.add("covered");
    this.cover.showModal();
  }

  /** Once a second, and whenever the page is seen again: a laptop may have slept in between. */
  tick() {
    const now = Date.now();
    if (this.covered) {
      const pause = now - this.hiddenAt < SOON_LASTS ? SOON : LATER;
      if (!document.hidden && now - this.askedAt >= pause) this.ask();
      return;
    }
    const left = this.ends - now;
    if (left <= 0) {
      this.hide();
      this.ask();
    } else if (left <= this.warn) {
      this.approach(left, now);
    } else {
      this.unwarn();
    }
  }

  /** The end is near: says so, or asks to go on for somebody who is typing. */
  approach(left, now) {
    const fixed = this.longestEnds <= this.idleEnds;
    if (!fixed && !this.warning.open && now - this.typedAt < Math.min(JUST_NOW, this.warn / 2)) {
      if (now - this.askedAt > SOON) this.ask("POST");
      return;
    }
    if (!this.warning.open && !(fixed && this.told === this.longestEnds)) this.say(fixed);
    this.count(left);
  }

  say(fixed) {
    for (const part of this.warning.querySelectorAll("[data-case]")) part.hidden = (part.dataset.case === "longest") !== fixed;
    const when = new Intl.DateTimeFormat(document.documentElement.lang || "en", {
      hour: "numeric",
      minute: "2-digit",
      second: "2-digit",
      timeZone: this.root.dataset.zone,
      timeZoneName: "short",
    }).format(this.ends);
    for (const part of this.warning.querySelectorAll("[data-session-when]")) part.textContent = when;
    this.fixed = fixed;
    this.said = "";
    this.warning.querySelector("[data-session-said]").textContent = "";
    this.warning.showModal();
  }

  /** Takes the warning away, by our own doing and not by the person's. */
  unwarn() {
    if (!this.warning.open) return;
    this.meant = true;
    this.warning.close();
  }

  count(left) {
    const seconds = Math.ceil(left / SECOND);
    const shown = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.warning.querySelector("[data-session-count]").textContent = shown;
    const region = this.warning.querySelector("[data-session-said]");
    const due = seconds <= 15 ? "seconds" : seconds <= 60 ? "minutes" : "";
    if (due && due !== this.said) {
      this.said = due;
      region.textContent = region.dataset[due];
    }
  }

  /** What the button, the Escape key and any other way out of the warning mean. */
  stay() {
    if (this.fixed) this.told = this.longestEnds;
    this.unwarn();
    if (!this.fixed) this.ask("POST");
  }
}

function flash(id) {
  const region = document.getElementById("flashes");
  const words = document.getElementById(id);
  if (region && words) region.append(words.content.cloneNode(true));
}

/** Sends a form only where somebody is signed in to hear it; else the page is covered, and what was typed stays. */
function guardForms(session) {
  const asking = new WeakSet();
  const heard = new WeakSet();
  window.addEventListener(
    "submit",
    async (event) => {
      const form = event.target;
      if (heard.has(form) || form.method !== "post") return;
      const stale = Math.min(STALE, session.warn / 3);
      if (!session.covered && Date.now() < session.ends && Date.now() - session.heardAt < stale) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (asking.has(form)) return;
      asking.add(form);
      const button = event.submitter;
      await session.ask();
      asking.delete(form);
      if (session.covered) return;
      heard.add(form);
      form.requestSubmit(button?.form === form ? button : null);
      heard.delete(form);
    },
    { capture: true },
  );
}

/** Fragments: none is asked for by a covered page, none leads the page away, and each says how long there is left. */
function guardFragments(session) {
  document.addEventListener("htmx:before:request", (event) => {
    if (session.covered) event.preventDefault();
  });
  document.addEventListener("htmx:before:response", (event) => {
    const { headers } = event.detail.ctx.response;
    const [idle, longest] = (headers.get(LEFT_HEADER) ?? "").split(" ").map(Number);
    if (Number.isFinite(longest)) {
      const before = session.ends;
      session.know(idle, longest);
      if (session.ends > before + SECOND) session.tell();
    }
    if (headers.get("HX-Redirect")?.startsWith(session.cover.querySelector("a").getAttribute("href"))) {
      event.preventDefault();
      session.hide();
    }
  });
}

/** Starts it on pages of somebody who is signed in; others have no #session. */
export function startSession() {
  const root = document.getElementById("session");
  if (!root) return;
  const session = new Session(root);
  if (sessionStorage.getItem("another")) {
    sessionStorage.removeItem("another");
    flash("flash-another");
  }

  for (const kind of ["keydown", "pointerdown", "input"]) {
    document.addEventListener(
      kind,
      (event) => {
        if (event.isTrusted && !session.warning.open && !session.covered) session.typedAt = Date.now();
      },
      { capture: true, passive: true },
    );
  }
  session.warning.addEventListener("cancel", (event) => {
    event.preventDefault();
    session.stay();
  });
  // A browser may close it at Escape without asking.
  session.warning.addEventListener("close", () => {
    if (!session.meant) session.stay();
    session.meant = false;
  });
  session.warning.querySelector("[data-session-stay]").addEventListener("click", () => session.stay());
  // Escape must not uncover it; a browser that closes it at the second press all the same gets it back.
  session.cover.addEventListener("cancel", (event) => event.preventDefault());
  session.cover.addEventListener("close", () => {
    if (session.covered) session.cover.showModal();
  });

  if (session.channel) {
    session.channel.onmessage = ({ data }) => {
      if (data.gone) window.setTimeout(() => session.ask(), SECOND);
      else if (data.mark !== session.mark || session.covered) session.ask();
      else {
        session.idleEnds = Math.max(session.idleEnds, data.idleEnds);
        session.longestEnds = Math.max(session.longestEnds, data.longestEnds);
        session.tick();
      }
    };
    document.addEventListener("submit", (event) => {
      if (event.target.action === session.root.querySelector("form").action) session.channel.postMessage({ gone: true });
    });
  }
  guardForms(session);
  guardFragments(session);
  window.setInterval(() => session.tick(), SECOND);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) session.tick();
  });
  window.addEventListener("pageshow", () => session.tick());
  window.addEventListener("focus", () => {
    if (session.covered) session.ask();
  });
}

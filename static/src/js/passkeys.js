// Passkeys: a box with data-passkey="get" or "create" asks the browser for one, puts the answer into its hidden field as JSON
// (bytes as base64url) and sends its form. What went wrong is said in words that the page brings (data-cancelled and others).

const toBytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};

const toText = (bytes) => {
  if (!bytes) return null;
  const plain = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};

const withBytes = (descriptors) => (descriptors ?? []).map((each) => ({ ...each, id: toBytes(each.id) }));

/** What the server wrote as JSON, as the browser wants it. */
function readOptions(box) {
  const options = JSON.parse(box.dataset.options);
  options.challenge = toBytes(options.challenge);
  if (options.user) options.user.id = toBytes(options.user.id);
  if (options.allowCredentials) options.allowCredentials = withBytes(options.allowCredentials);
  if (options.excludeCredentials) options.excludeCredentials = withBytes(options.excludeCredentials);
  return options;
}

/** What the browser made, as JSON for the server. */
function write(credential) {
  const { response } = credential;
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const fields = names.filter((name) => name in response).map((name) => [name, toText(response[name])]);
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response: Object.fromEntries(fields),
    clientExtensionResults: {},
  });
}

/** Which of the page's sentences tells what happened. */
function sentence(error, took, limit) {
  if (error.name === "InvalidStateError") return "known";
  if (error.name === "NotSupportedError") return "none";
  if (error.name === "SecurityError") return "insecure";
  if (error.name === "TimeoutError") return "timeout";
  // Browsers don't tell a refusal from a time-out, lest a page learns who has which key; the clock does.
  if (error.name === "NotAllowedError") return took >= limit ? "timeout" : "cancelled";
  if (error.name === "AbortError") return "cancelled";
  return "failed";
}

function say(box, words, isBad) {
  const state = box.querySelector("[data-passkey-state]");
  state.textContent = words;
  state.classList.toggle("is-bad", isBad);
  state.hidden = !words;
}

async function ask(box, submitter) {
  const form = box.closest("form");
  const field = box.querySelector("input[type=hidden]");
  if (box.dataset.busy) return;
  if (!window.PublicKeyCredential) {
    say(box, window.isSecureContext ? box.dataset.none : box.dataset.insecure, true);
    return;
  }
  const publicKey = readOptions(box);
  const began = performance.now();
  box.dataset.busy = "1";
  say(box, box.dataset.waits, false);
  try {
    const credential = await navigator.credentials[box.dataset.passkey]({ publicKey });
    field.value = write(credential);
    field.disabled = false;
    // A code that wasn't typed isn't missing any more.
    form.noValidate = true;
    for (const code of form.querySelectorAll("[autocomplete=one-time-code]")) code.disabled = true;
    form.requestSubmit(submitter ?? null);
  } catch (error) {
    say(box, box.dataset[sentence(error, performance.now() - began, (publicKey.timeout ?? 300_000) - 1000)], true);
  } finally {
    delete box.dataset.busy;
  }
}

/** Wires every box; without scripts their buttons stay hidden, and the page says so. */
export function startPasskeys() {
  for (const box of document.querySelectorAll("[data-passkey]")) {
    const button = box.querySelector("[data-passkey-press]");
    if (button) {
      button.hidden = false;
      button.addEventListener("click", () => ask(box));
    }
    if (!("onSubmit" in box.dataset)) continue;
    box.closest("form").addEventListener("submit", (event) => {
      const field = box.querySelector("input[type=hidden]");
      if (field.value) return;
      event.preventDefault();
      ask(box, event.submitter);
    });
  }
  // A page that comes back from the browser's memory asks anew: what it holds was used.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && document.querySelector("[data-passkey]")) window.location.reload();
  });
}

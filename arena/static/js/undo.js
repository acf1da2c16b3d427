// undo.js - U takes the last answer back, as long as the names were not shown

import { isCommand, keysOn } from "./keys.js";
import { forget } from "./next.js";
import { deliver } from "./outbox.js";
import { hang } from "./swap.js";
import { tellUndone } from "./told.js";

/**
 * @param {HTMLFormElement} form
 * @param {AbortSignal} signal
 */
export function enhance(form, signal) {
  let sent = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sent) return;
    sent = true;
    forget();
    const { page, address } = await deliver(form, event.submitter);
    if (signal.aborted) return;
    if (!page) {
      location.assign(address);
      return;
    }
    hang(page);
    tellUndone();
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key.toLowerCase() === "u" && isCommand(event) && keysOn()) form.requestSubmit();
    },
    { signal },
  );
}

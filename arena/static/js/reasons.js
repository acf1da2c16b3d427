// reasons.js - Enter goes on, and so does a tap on a tag; no second submit

import { isCommand } from "./keys.js";
import { hangReady, prepare } from "./next.js";
import { deliver } from "./outbox.js";
import { hang } from "./swap.js";

/**
 * @param {HTMLFormElement} form
 * @param {AbortSignal} signal
 */
export function enhance(form, signal) {
  const go = form.querySelector("[data-go]");
  let sent = false;

  form.addEventListener("submit", async (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    if (sent) return;
    sent = true;
    const delivered = deliver(form, event.submitter);
    if ("atOnce" in form.dataset && hangReady()) return; // the names do not come now: nothing to wait for
    const { page, address } = await delivered;
    if (signal.aborted) return;
    if (page) hang(page, { moving: true });
    else location.assign(address);
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const elsewhere = event.target instanceof Element && event.target.closest("button, a, summary");
      if (event.key === "Enter" && !elsewhere && isCommand(event)) form.requestSubmit(go);
    },
    { signal },
  );
  prepare(form.dataset.next).catch(() => {}); // the server deals it later
}

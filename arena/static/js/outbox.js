// outbox.js - what a voter sends is kept until the server has it: a vote made offline is sent once when back

import { read } from "./swap.js";
import { reset, underWay, waiting } from "./told.js";

const STORE = "outbox";
const EVERY = 3000;
const AWAY = new Set([502, 503, 504]);
const HEADERS = { Accept: "text/html", "X-Room": "in place" };

/** @returns {{ address: string, body: string }[]} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "[]");
  } catch {
    return [];
  }
}

function keep(letters) {
  try {
    if (letters.length) localStorage.setItem(STORE, JSON.stringify(letters));
    else localStorage.removeItem(STORE);
  } catch {
    // without storage it waits as long as the page
  }
}

const same = (one, other) => one.address === other.address && one.body === other.body;

/**
 * Send a form until the server has it; the page that it answers with, nothing if that cannot be hung in place.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 * @returns {Promise<{ page: import("./swap.js").Page | null, address: string }>}
 */
export async function deliver(form, submitter) {
  const body = new URLSearchParams(new FormData(form, submitter)).toString();
  const letter = { address: form.action, body };
  underWay();
  for (;;) {
    const answer = await post(letter);
    if (answer) {
      keep(kept().filter((other) => !same(other, letter)));
      const page = await read(answer);
      reset();
      return { page, address: answer.headers.get("Content-Location") ?? answer.url };
    }
    if (!kept().some((other) => same(other, letter))) keep([...kept(), letter]);
    waiting();
    await connection();
  }
}

/** Send what an earlier page could not; whether there was anything, and the server has it now. */
export async function sendWhatWaits() {
  const letters = kept();
  for (const letter of letters) {
    if (!(await post(letter))) return false;
    keep(kept().filter((other) => !same(other, letter)));
  }
  return letters.length > 0;
}

/** @returns {Promise<Response | null>} nothing if the server cannot be reached now */
async function post({ address, body }) {
  try {
    const headers = { ...HEADERS, "Content-Type": "application/x-www-form-urlencoded" };
    const answer = await fetch(address, { method: "POST", body, headers, keepalive: true });
    return AWAY.has(answer.status) ? null : answer;
  } catch {
    return null;
  }
}

/** Wait until the browser says that it is back, or a little. */
function connection() {
  return new Promise((resolve) => {
    const timer = setTimeout(done, EVERY);
    window.addEventListener("online", done);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
  });
}

// next.js - the next pair is fetched while this one is read, and hangs at once when it is asked for

import { isCommand } from "./keys.js";
import { decodePair, fetchPage, hang, open } from "./swap.js";
import { underWay } from "./told.js";

/**
 * What comes after the battle that hung at `after`: being fetched, and once it can be hung its page.
 * @type {{ after: string, page: import("./swap.js").Page | null, fetched: Promise<string | null> } | null}
 */
let next = null;

/**
 * Fetch the pair that comes after this one, with its pictures; nothing is fetched twice.
 * @param {string} address where the next pair is dealt
 * @returns {Promise<string | null>} the address of the pair, once it can be hung
 */
export function prepare(address) {
  if (next?.after !== location.pathname) {
    const mine = { after: location.pathname, page: null, fetched: null };
    mine.fetched = fetchPair(address).then((page) => {
      mine.page = page;
      return page?.address ?? null;
    });
    next = mine;
  }
  return next.fetched;
}

async function fetchPair(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  const told = answer.ok ? await answer.json() : {};
  if (!told.battle) return null;
  const early = told.pictures.map((picture) => Object.assign(new Image(), { src: picture }));
  const page = await fetchPage(told.battle);
  if (!page?.main.querySelector("[data-pair]")) return null;
  await Promise.all([...early.map((image) => image.decode()), decodePair(page)]);
  return page;
}

/** What was fetched is not next any more. */
export function forget() {
  next = null;
}

/**
 * Hang the next pair if it is there.
 * @returns {boolean} whether it was
 */
export function hangReady() {
  if (!next?.page || next.after !== location.pathname) return false;
  const { page } = next;
  forget();
  hang(page);
  return true;
}

/**
 * @param {HTMLAnchorElement} link
 * @param {AbortSignal} signal
 */
export function enhance(link, signal) {
  let going = false;
  link.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (going || hangReady()) return;
    going = true;
    underWay();
    open(link.href);
  });
  document.addEventListener(
    "keydown",
    (event) => {
      const elsewhere = event.target instanceof Element && event.target.closest("button, a, summary");
      if (event.key === "Enter" && !elsewhere && isCommand(event)) link.click();
    },
    { signal },
  );
  if (link.dataset.next === "later") return; // nothing is dealt before it is asked for
  prepare(link.href)
    .then((battle) => {
      if (!battle || signal.aborted) return;
      link.href = battle;
      link.dataset.ready = "yes";
    })
    .catch(() => {}); // the link works without it
}

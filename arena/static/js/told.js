// told.js - the lines that stay when a page takes the place of another: for ears, and for slow connections

const SLOW = 700;

const line = (name) => document.querySelector(`[data-${name}]`);
let timer = 0;

/**
 * Say something to those who listen to the page.
 * @param {string} text
 */
export function tell(text) {
  const region = line("told");
  if (region) region.textContent = text;
}

/** Say that the last answer was taken back. */
export function tellUndone() {
  tell(line("told")?.dataset.undone ?? "");
}

/** From now on something is under way; after a while the page says so. */
export function underWay() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    show("slow", true);
    tell(line("slow")?.textContent ?? "");
  }, SLOW);
}

/** Say that what was sent waits for the connection. */
export function waiting() {
  clearTimeout(timer);
  show("slow", false);
  show("waits", true);
  tell(line("waits")?.textContent ?? "");
}

/** Nothing is under way, and nothing waits. */
export function reset() {
  clearTimeout(timer);
  show("slow", false);
  show("waits", false);
}

function show(name, on) {
  const element = line(name);
  if (element) element.hidden = !on;
}

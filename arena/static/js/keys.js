// keys.js - when a key is a command, and when it is typing

const STORE = "keys";

/** Whether the reader lets single keys answer. */
export function keysOn() {
  try {
    return localStorage.getItem(STORE) !== "off";
  } catch {
    return true;
  }
}

/**
 * Keep whether single keys answer.
 * @param {boolean} on
 */
export function setKeys(on) {
  try {
    localStorage.setItem(STORE, on ? "on" : "off");
  } catch {
    // without storage the choice lasts as long as the page
  }
}

/**
 * Whether a key event is a command: no modifier, no repeat, nobody typing.
 * @param {KeyboardEvent} event
 */
export function isCommand(event) {
  if (event.defaultPrevented || event.repeat || event.isComposing) return false;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const typing = event.target instanceof Element && event.target.closest("input:not([type=hidden]), textarea, select, [contenteditable]");
  return !typing;
}

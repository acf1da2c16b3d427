// flicker.js - F held: each picture in the other's place, in turns, so that differences jump to the eye

import { isCommand, keysOn } from "./keys.js";

const EVERY = 400; // slower than three a second, which is as fast as a page may flash
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @param {HTMLElement[]} canvases
 * @param {AbortSignal} [signal]
 */
export function flicker(canvases, signal) {
  /** @type {HTMLImageElement[]} */
  let others = [];
  let timer = 0;

  const start = () => {
    others = canvases.map((canvas, place) => {
      const other = canvases[1 - place].querySelector("img").cloneNode();
      other.alt = "";
      other.className = "other";
      canvas.append(other);
      return other;
    });
    if (!still.matches) {
      timer = setInterval(() => others.forEach((other) => (other.hidden = !other.hidden)), EVERY);
    }
  };
  const stop = () => {
    clearInterval(timer);
    others.forEach((other) => other.remove());
    others = [];
  };
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key.toLowerCase() === "f" && !others.length && isCommand(event) && keysOn()) start();
    },
    { signal },
  );
  document.addEventListener("keyup", (event) => event.key.toLowerCase() === "f" && stop(), { signal });
  window.addEventListener("blur", stop, { signal });
  signal?.addEventListener("abort", stop);
}
